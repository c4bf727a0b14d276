"""The service over HTTP: what it takes, what it records, when it answers nothing."""

import json
import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest

from serving.record import prepared_files
from serving.record.replay import replay_decision
from serving.service import Service
from serving.tokens import add_token, tokens_path
from tasks.config import Settings
from tasks.decisions.log import log_files, read_log
from tasks.decisions.tasks import roll_decisions
from tasks.errors import ModelStoreError, UsageError
from tasks.governance.source_log import note_decision
from tasks.registry.history import champion_on, load_registry, record
from tasks.registry.models import ARTEFACT
from tasks.registry.records import Change
from tasks.schemas.reasons import REASONS
from tasks.store import tables
from tests.builders import exit_code, month
from tests.serving.client import TODAY, Client, serving
from tests.serving.conftest import N_MONTHS


@pytest.fixture(scope="module")
def client(store: Settings) -> Generator[Client]:
    with serving(store) as (client, _):
        yield client


def customers(settings: Settings) -> list[str]:
    return tables.read("gold.predictions", settings, on=month(N_MONTHS - 1))["customer_id"].to_list()


def test_it_is_ready_once_its_own_rows_were_answered_as_the_batch_did(client: Client) -> None:
    found = client.get("/v2/health/ready")
    assert found.status_code == 200
    assert found.json()["self_test"]["n"] == 60
    assert client.get("/v2/health/live").json() == {"live": True}


def test_a_scored_application_is_answered_as_it_was_scored(client: Client, store: Settings) -> None:
    day = month(N_MONTHS - 1)
    rows = tables.read("gold.predictions", store, on=day).to_dicts()
    asked = [
        {"customer_id": row["customer_id"], "loan_id": row["loan_id"], "application_date": str(day)}
        for row in rows
    ]
    answers = client.post("/v1/score/batch", json={"applications": asked}).json()["answers"]
    for row, said in zip(rows, answers, strict=True):
        assert said["pd"] == pytest.approx(row["pd"], abs=1e-12)
        told = (said["grade"], said["score_path"], said["model_id"], [one["code"] for one in said["reasons"]])
        reasons = [row[name] for name in REASONS if row[name]]
        assert told == (row["grade"], row["fallback"], row["model_id"], reasons)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"customer_id": "somebody"}, "customer_id"),
        ({"customer_id": None}, "customer_id"),
        ({"name": "Ann Lee"}, "name"),
        ({"attributes": {"name": "Ann Lee"}}, "attributes.name"),
        ({"attributes": {"ssn": "123-45-6789"}}, "attributes.ssn"),
        ({"attributes": {"age": 130}}, "attributes.age"),
        ({"attributes": {"age": "30"}}, "attributes.age"),
        ({"financials": {"annual_income": "a lot"}}, "financials.annual_income"),
        ({"financials": {"num_of_loan": 1.5}}, "financials.num_of_loan"),
        ({"financials": {"type_of_loan": ["boat_loan"]}}, "financials.type_of_loan.0"),
        ({"application_date": "yesterday"}, "application_date"),
        ({"application_date": "2099-01-01"}, "application_date"),
        ({"application_date": "2001-01-01"}, "application_date"),
        ({"loan_id": "a\nb"}, "loan_id"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_field(
    client: Client, store: Settings, change: dict[str, Any], field: str
) -> None:
    before = len(read_log(store))
    found = client.post("/v1/score", json={"customer_id": customers(store)[0], **change})
    assert found.status_code == 422
    assert [one["field"] for one in found.json()["errors"]] == [field]
    assert not [text for text in ("Ann Lee", "123-45") if text in found.text]
    assert len(read_log(store)) == before


async def pieces() -> AsyncGenerator[bytes]:
    yield b"{}"


def test_what_is_no_json_or_too_long_is_refused(client: Client) -> None:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    assert client.post("/v1/score", content=b"{", headers=kind).status_code == 422
    assert client.post("/v1/score", content=b"{}").status_code == 415
    surrogate = b'{"customer_id": "\\ud800"}'
    assert client.post("/v1/score", content=surrogate, headers=kind).status_code == 422
    assert client.get("/v1/score").status_code == 405
    assert client.post("/v1/score", content=b" " * 2**21).status_code == 413
    assert client.post("/v1/score", content=pieces()).status_code == 411
    many = [{"customer_id": "CUS_0x1"}] * 101
    assert client.post("/v1/score/batch", json={"applications": many}).status_code == 422


def test_what_the_applicant_states_changes_the_answer_and_is_recorded(
    client: Client, store: Settings
) -> None:
    asked = {"customer_id": customers(store)[0], "attributes": {"age": 40, "occupation": "Lawyer"}}
    asked |= {"financials": {"annual_income": 1e6, "type_of_loan": ["auto_loan", "auto_loan"]}}
    said = client.post("/v1/score", json=asked).json()
    plain = client.post("/v1/score", json={"customer_id": asked["customer_id"]}).json()
    assert said["pd"] != plain["pd"]
    found = replay_decision(said["request_id"], store)
    assert found["same"]
    assert found["known"]["n_auto_loans"] == 2
    assert found["known"]["age"] == 40
    assert exit_code(store, "decisions", "show", said["request_id"]) == 0
    assert exit_code(store, "decisions", "show", "another") == 2


def test_the_forms_and_figures_are_there_for_machines(client: Client) -> None:
    form = client.get("/openapi.json").json()["components"]["schemas"]["Application"]
    assert {"customer_id", "attributes", "financials"} <= form["properties"].keys()
    assert form["examples"][0]["attributes"]
    assert "vintage_answers_total" in client.get("/metrics").text
    assert client.get("/v2/models/another").status_code == 404


def test_the_example_of_the_form_is_answered(client: Client) -> None:
    form = client.get("/openapi.json").json()["components"]["schemas"]["Application"]
    assert client.post("/v1/score", json=form["examples"][0]).status_code == 200


def test_a_key_with_the_same_body_gets_the_same_answer_through_a_restart(own: Settings) -> None:
    first, second = ({"customer_id": customer} for customer in customers(own)[:2])
    key = {"Idempotency-Key": "k1"}
    batch = {"applications": [first, second]}
    with serving(own) as (client, _):
        said = client.post("/v1/score", json=first, headers=key).json()
        assert client.post("/v1/score", json=first, headers=key).json() == said
        assert client.post("/v1/score", json=second, headers=key).status_code == 422
        together = client.post("/v1/score/batch", json=batch, headers={"Idempotency-Key": "k2"}).json()
    with serving(own) as (client, _):
        assert client.post("/v1/score", json=first, headers=key).json() == said
        assert client.post("/v1/score", json=second, headers=key).status_code == 422
        again = client.post("/v1/score/batch", json=batch, headers={"Idempotency-Key": "k2"}).json()
    assert again == together
    assert len(read_log(own)) == 3


def test_the_log_holds_every_answer_and_rolls_into_its_table(own: Settings) -> None:
    with serving(own) as (client, _):
        ids = [
            client.post("/v1/score", json={"customer_id": one}).json()["request_id"]
            for one in customers(own)[:5]
        ]
    assert [line["answer"]["request_id"] for line in read_log(own)] == ids
    assert roll_decisions(own) == 5
    version = tables.version_of("gold.decisions", own)
    assert roll_decisions(own) == 5
    assert tables.version_of("gold.decisions", own) == version
    rows = tables.scan("gold.decisions", own).collect()
    assert sorted(rows["request_id"]) == sorted(ids)
    assert "Name" not in rows["known"][0]


def test_an_edited_log_is_found_and_a_line_cut_short_is_taken_off(own: Settings) -> None:
    with serving(own) as (client, _):
        for one in customers(own)[:3]:
            client.post("/v1/score", json={"customer_id": one})
    (path,) = log_files(own)
    whole = path.read_text()
    path.write_text(whole + '{"at": "20')
    with serving(own) as (client, _):
        client.post("/v1/score", json={"customer_id": customers(own)[3]})
    assert len(read_log(own)) == 4
    path.write_text(path.read_text().replace('"decision":"', '"decision":"x', 1))
    with pytest.raises(ModelStoreError, match="edited"):
        read_log(own)
    path.write_text("".join(whole.splitlines(keepends=True)[1:]))
    with pytest.raises(ModelStoreError, match="edited"):
        Service(own)


def test_a_full_disk_stops_answers_and_says_so_until_there_is_room(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"customer_id": customers(own)[0]}
    with serving(own) as (client, _):
        assert client.post("/v1/score", json=asked).status_code == 200

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(prepared_files, "SYNC", full)
            patch.setattr(os, "fsync", full)
            assert client.post("/v1/score", json=asked).status_code == 503  # what came to the file is cut off
            refused = client.post("/v1/score", json=asked, headers={"Idempotency-Key": "k"})
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            state = client.get("/v2/health/ready")
        assert state.status_code == 503
        assert "No space left" in state.json()["problem"]
        assert client.post("/v1/score", json=asked, headers={"Idempotency-Key": "k"}).status_code == 200
        assert client.get("/v2/health/ready").status_code == 200
    assert len(read_log(own)) == 2


def test_two_services_do_not_record_to_one_datamart(own: Settings) -> None:
    with serving(own), pytest.raises(UsageError, match="Another vintage serve"):
        Service(own)


def test_another_champion_serves_from_its_day_and_a_spoiled_one_never(own: Settings) -> None:
    registry = load_registry(own)
    serving_now = champion_on(registry, TODAY)
    assert serving_now is not None
    other = next(e.model_id for e in registry.entries if e.model_id != serving_now.model_id)
    asked = {"customer_id": customers(own)[0]}
    with serving(own) as (client, service):
        assert client.post("/v1/score", json=asked).json()["model_id"] == serving_now.model_id
        changes = [
            Change(serving_now.model_id, "retired", "Ann Lee", "a test"),
            Change(other, "approved", "Ann Lee", "override: a test"),
            Change(other, "champion", "Ann Lee", "a test"),
        ]
        record(registry, own, effective_from=TODAY, changes=changes)
        client.portal.call(service.refresh)
        said = client.post("/v1/score", json=asked).json()
        assert (said["model_id"], said["model_effective_from"]) == (other, str(TODAY))
        before = {**asked, "application_date": str(month(N_MONTHS - 1))}
        assert client.post("/v1/score", json=before).json()["model_id"] == serving_now.model_id
        (own.model_store / other / ARTEFACT).write_bytes(b"spoiled")
    with serving(own) as (client, _):
        refused = client.post("/v1/score", json=asked)
        assert refused.status_code == 503
        assert "not the file that was registered" in json.dumps(refused.json())


def test_tokens_that_come_and_go_are_seen_and_the_caller_is_recorded(own: Settings) -> None:
    asked = {"customer_id": customers(own)[0]}
    with serving(own) as (client, service):
        assert client.post("/v1/score", json=asked).status_code == 200
        shown = {"Authorization": f"Bearer {add_token('front end', ['score'], own)}"}
        service.read_tokens()
        assert client.post("/v1/score", json=asked).status_code == 401
        assert client.post("/v1/score", json=asked, headers=shown).status_code == 200
        path = tokens_path(own)
        whole = path.read_text()
        path.write_text(whole.replace("front", "back"))
        service.read_tokens()
        assert client.post("/v1/score", json=asked, headers=shown).status_code == 401
        path.write_text(whole)
        service.read_tokens()
        assert client.post("/v1/score", json=asked, headers=shown).status_code == 200
    assert [line["caller"] for line in read_log(own)] == ["", "front end", "front end"]


def test_a_source_of_another_team_becomes_a_field_once_it_is_used(own: Settings, tmp_path: Path) -> None:
    settings = own.model_copy(update={"sources": tmp_path / "sources.toml"})
    settings.sources.write_text("")
    asked = {"customer_id": customers(own)[0], "bureau": {"score": 1.5}}
    with serving(settings) as (client, service):
        assert client.post("/v1/score", json=asked).status_code == 422
        note_decision("use", "bureau", {"columns": {"score": "number"}, "from": str(TODAY)}, settings)
        client.portal.call(service.read_sources)
        assert client.post("/v1/score", json=asked).status_code == 200
        form = client.get("/openapi.json").json()["components"]["schemas"]
        assert form["bureau"]["properties"].keys() == {"score"}
