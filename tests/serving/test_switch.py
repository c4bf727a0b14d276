"""Another champion takes over while applications come in: nobody is refused, no answer mixes two models."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from serving import loading
from serving.apart import call_apart
from serving.service import Aside, Service
from tasks.config import Settings
from tasks.registry.history import champion_on, load_registry, record
from tasks.registry.models import ARTEFACT
from tasks.registry.records import Change
from tasks.store import tables
from tests.builders import month
from tests.serving.client import TODAY, serving
from tests.serving.conftest import N_MONTHS

TOMORROW = TODAY + timedelta(days=1)
N_CALLERS, N_BETWEEN = 8, 40


def two_models(settings: Settings) -> tuple[str, str]:
    """The champion of today, and the other model."""
    registry = load_registry(settings)
    champion = champion_on(registry, TODAY)
    assert champion is not None
    return champion.model_id, next(e.model_id for e in registry.entries if e.model_id != champion.model_id)


def customers(settings: Settings) -> list[str]:
    return tables.read("gold.predictions", settings, on=month(N_MONTHS - 1))["customer_id"].to_list()[:5]


def take_over(old: str, new: str, day: date, settings: Settings, *, approve: bool) -> None:
    """Make a model champion in the place of another."""
    approved = [Change(new, "approved", "Ann Lee", "override: a test")] if approve else []
    changes = [
        Change(old, "retired", "Ann Lee", "a test"),
        *approved,
        Change(new, "champion", "Ann Lee", "a test"),
    ]
    record(load_registry(settings), settings, effective_from=day, changes=changes)


async def answers_through(
    steps: Sequence[tuple[str, str, bool]], service: Service, http: AsyncClient, settings: Settings
) -> list[list[tuple[int, dict[str, Any]]]]:
    """What each of several callers got, in order, while champions took over."""
    got: list[list[tuple[int, dict[str, Any]]]] = [[] for _ in range(N_CALLERS)]
    asked, done = customers(settings), asyncio.Event()

    async def call(mine: list[tuple[int, dict[str, Any]]]) -> None:
        while not done.is_set():
            found = await http.post("/v1/score", json={"customer_id": asked[len(mine) % len(asked)]})
            mine.append((found.status_code, found.json()))

    async def wait_for_more() -> None:
        n = sum(map(len, got))
        while sum(map(len, got)) < n + N_BETWEEN:
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for mine in got:
            group.create_task(call(mine))
        await wait_for_more()
        for old, new, approve in steps:
            await asyncio.to_thread(take_over, old, new, TODAY, settings, approve=approve)
            await service.refresh()
            await wait_for_more()
        done.set()
    return got


@pytest.mark.parametrize(
    "aside", [asyncio.to_thread, pytest.param(call_apart, marks=pytest.mark.integration)]
)
def test_a_promotion_and_a_roll_back_under_load_refuse_nobody_and_mix_no_models(
    own: Settings, aside: Aside
) -> None:
    first, second = two_models(own)
    before = champion_on(load_registry(own), TODAY)
    assert before is not None
    phases = [(first, before.effective_from), (second, str(TODAY)), (first, str(TODAY))]
    with serving(own, aside=aside) as (client, service):
        steps = [(first, second, True), (second, first, False)]
        got = client.portal.call(answers_through, steps, service, client.http, own)
    assert {status for mine in got for status, _ in mine} == {200}
    by_model: dict[tuple[str, str], set[float]] = {}
    for mine in got:
        seen = [phases.index((said["model_id"], said["model_effective_from"])) for _, said in mine]
        assert seen == sorted(seen)  # nobody is answered by a model after the one that took over from it
        for _, said in mine:
            by_model.setdefault((said["model_id"], said["customer_id"]), set()).add(said["pd"])
    assert {len(pds) for pds in by_model.values()} == {1}
    assert [by_model[first, one] for one in customers(own)] != [
        by_model[second, one] for one in customers(own)
    ]


def test_who_takes_over_at_midnight_was_loaded_and_tested_before(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_models(own)
    now = [datetime.combine(TODAY, time(23, 30))]
    asked = {"customer_id": customers(own)[0]}
    with serving(own, lambda: now[0]) as (client, service):
        take_over(first, second, TOMORROW, own, approve=True)
        client.portal.call(service.refresh)
        now[0] = datetime.combine(TODAY, time(23, 55))
        client.portal.call(service.prepare)
        assert client.post("/v1/score", json=asked).json()["model_id"] == first

        def no_time(*_: Any, **__: Any) -> None:
            raise AssertionError("nothing is loaded while applications wait")

        monkeypatch.setattr(loading, "load_tested", no_time)
        now[0] = datetime.combine(TOMORROW, time(0, 0, 1))
        said = client.post("/v1/score", json=asked).json()
        assert (said["model_id"], said["model_effective_from"]) == (second, str(TOMORROW))
        late = client.post("/v1/score", json={**asked, "application_date": str(TODAY)}).json()
        assert (late["model_id"], late["application_date"]) == (first, str(TODAY))


def test_a_champion_of_tomorrow_that_was_changed_is_told_today(
    own: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two_models(own)
    now = datetime.combine(TODAY, time(23, 55))
    with serving(own, lambda: now) as (client, service):
        take_over(first, second, TOMORROW, own, approve=True)
        (own.model_store / second / ARTEFACT).write_bytes(b"spoiled")
        client.portal.call(service.refresh)
        client.portal.call(service.prepare)
        assert client.post("/v1/score", json={"customer_id": customers(own)[0]}).status_code == 200
    assert [one.message for one in caplog.records if f"From {TOMORROW} on nothing" in one.message] != []
