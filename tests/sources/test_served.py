"""The scoring service knows what other teams' sources say of a customer, as the batch does."""

from datetime import datetime, time
from pathlib import Path

import polars as pl
import pytest

from serving.self_test import replay_month
from tasks.config import Settings
from tasks.place import ObjectPlace
from tasks.store import tables
from tests.builders import month
from tests.serving.client import serving
from tests.sources.bureau import STOPS, copied, live_with, write_bureau

pytestmark = pytest.mark.integration
LAST = month(STOPS - 1)


def test_an_application_is_answered_with_what_the_bureau_says(
    book: Path, fed: Settings, tmp_path: Path, bucket: ObjectPlace
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    live_with(bureau, settings, until=STOPS)
    rows = tables.read("gold.predictions", settings, on=LAST).filter(fallback="none").to_dicts()
    assert replay_month(LAST, settings).wrong == ()
    asked = {"customer_id": rows[0]["customer_id"], "application_date": str(LAST)}
    with serving(settings, lambda: datetime.combine(LAST, time(12))) as (client, service):
        assert service.live is not None
        assert service.live.state.others.keys() == {"bureau"}
        said = client.post("/v1/score", json=asked).json()
        assert (said["score_path"], said["model_id"]) == ("none", rows[0]["model_id"])
        assert said["pd"] == pytest.approx(rows[0]["pd"], abs=1e-12)
        silent = client.post("/v1/score", json={**asked, "bureau": {}}).json()
        assert silent["score_path"] == "bureau"
        stated = client.post("/v1/score", json={**asked, "bureau": {"score": 9.0}}).json()
        assert (stated["score_path"], stated["pd"] > said["pd"]) == ("none", True)
        for file in bureau.glob("*.parquet"):
            pl.read_parquet(file).with_columns(score=pl.lit(9.0), Segment=pl.lit("a")).write_parquet(file)
        client.portal.call(service.refresh)
        assert client.post("/v1/score", json=asked).json()["pd"] > said["pd"]
        lake = bucket / tmp_path.name
        for file in bureau.glob("*.parquet"):
            (lake / file.name).write_bytes(file.read_bytes())
        declared = settings.sources.read_text(encoding="utf-8")
        settings.sources.write_text(declared.replace(str(bureau), f"{lake}/*.parquet"), encoding="utf-8")
        client.portal.call(service.look_at_addresses)
        client.portal.call(service.refresh)
        high = client.post("/v1/score", json=asked).json()
        assert (high["score_path"], high["pd"] > said["pd"]) == ("none", True)
        for file in bureau.glob("*.parquet"):
            pl.read_parquet(file).with_columns(score=pl.lit(-9.0)).write_parquet(file)
            (lake / file.name).write_bytes(file.read_bytes())
        client.portal.call(service.look_at_addresses)
        client.portal.call(service.refresh)
        assert client.post("/v1/score", json=asked).json()["pd"] < high["pd"]
