"""What the service is made of while it runs: the snapshot that answers, the log, the keys, the figures."""

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from serving.answers import Application
from serving.drift import DayScores
from serving.figures import Figures
from serving.groups import Groups
from serving.loading import Aside, Loaded, load
from serving.next_grade import find_changes
from serving.record.decision_log import DecisionLog
from serving.record.idempotency import KeysSeen, digest_of_body, digest_of_key
from serving.self_test import SelfTest
from serving.shadow.shadows import Shadows
from serving.snapshot import Fingerprint, Snapshot, fingerprint, load_snapshot
from serving.tokens import Token, keep_buckets, load_tokens
from tasks.config import Settings
from tasks.decisions.log import read_log
from tasks.errors import VintageError
from tasks.governance.source_log import ever_used
from tasks.sources.addresses import stamps_of_addresses

LOG = logging.getLogger("vintage")
NOBODY = {"": Token("nobody", frozenset(), 0.0)}  # no token has this digest
WATCHED_EVERY = 2.0  # seconds between looks at the registry, the policy and the tables
ADDRESSES_EVERY = 60.0  # between looks at object stores of other teams, which may take long to answer
AHEAD = timedelta(minutes=10)  # before midnight the next day's snapshot is made ready
MAX_PAST = 3  # days whose snapshots are held to answer again


class NotReadyError(Exception):
    """Why nothing is answered now; it may pass."""


class WrongDayError(Exception):
    """Why an application of such a day is not answered."""


class Service:
    """The parts that one process serves with; its snapshots are swapped whole, so no answer mixes two."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], datetime] = datetime.now,
        aside: Aside = asyncio.to_thread,
    ) -> None:
        """Needs: `aside`, which calls what loads and tests while others are answered.

        Raises: UsageError where another service records to the datamart; ModelStoreError of its log.
        """
        self.settings, self._clock, self._aside = settings, clock, aside
        self.keys = KeysSeen(
            read_log(settings), datetime.now(UTC)
        )  # whose chain is whole, or no lock is taken
        self.log = DecisionLog(settings)
        self.tokens = load_tokens(settings)
        self.others = ever_used(settings)
        self.figures = Figures()
        self.live: Snapshot | None = None
        self.tested: SelfTest | None = None
        self.problem = "it is starting"
        self._print: Fingerprint | None = None
        self._loaded: Loaded | None = None
        self._ahead: Loaded | None = None
        self._past: dict[date, Snapshot] = {}
        self._day_scores = DayScores()
        self._loading = asyncio.Lock()
        self._groups = Groups()
        self.shadows = Shadows(settings, self.figures)
        self._addresses: dict[str, str] = {}
        self._watchers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load, test, and watch from then on."""
        self.log.start()
        self._groups.start()
        self.shadows.start()
        await self.look_at_addresses()
        await self.refresh()
        self._watchers = [asyncio.create_task(one()) for one in (self._watch, self._watch_addresses)]

    async def stop(self) -> None:
        """Answer nothing new, and put on disk what waits."""
        for watcher in self._watchers:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
        await self.log.close()
        await self._groups.stop()
        await self.shadows.stop()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCHED_EVERY)
            self.read_tokens()
            await self.read_sources()
            await self.refresh()
            await self.prepare()

    async def _watch_addresses(self) -> None:
        while True:
            await asyncio.sleep(ADDRESSES_EVERY)
            await self.look_at_addresses()

    async def look_at_addresses(self) -> None:
        """See whether other teams' files in object stores changed; `refresh` then reads them again."""
        with suppress(VintageError, OSError):  # `refresh` meets it too, and tells
            self._addresses = await asyncio.to_thread(
                stamps_of_addresses, ever_used(self.settings), self.settings, self._addresses
            )

    def read_tokens(self) -> None:
        """Take tokens that were added or revoked meanwhile; a history that was edited lets nobody in."""
        try:
            self.tokens = keep_buckets(load_tokens(self.settings), self.tokens)
        except (VintageError, OSError) as error:
            if self.tokens != NOBODY:
                LOG.error("Nobody is let in: %s", error)
            self.tokens = NOBODY

    async def read_sources(self) -> None:
        """Take other teams' sources that came into use meanwhile as fields of a request."""
        with suppress(VintageError, OSError):  # `refresh` meets it too, and tells
            self.others = await asyncio.to_thread(ever_used, self.settings)

    def today(self) -> date:
        """The day that applications are of, unless they say another."""
        return self._clock().date()

    async def refresh(self) -> None:
        """Load and test anew, aside, if anything differs that answers rest on; then swap.

        Where the champion in force cannot be used, nothing is answered: the policy says refuse and roll back.
        """
        async with self._loading:
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            fresh = await self._load(self.today(), self._print)
        except (VintageError, OSError) as error:
            self._refuse(str(error))
            return
        if fresh is None:
            return
        self.tested = fresh.tested
        if fresh.tested.wrong:
            self._refuse(f"the self-test failed: {fresh.tested.wrong[0]}")
            self._print = fresh.print
            return
        self._swap(fresh)

    async def _load(self, day: date, unless: Fingerprint | None) -> Loaded | None:
        """A day's snapshot, tested: the one prepared if it still holds; None if it would be as `unless`."""
        seen = await asyncio.to_thread(fingerprint, day, self.settings, self._addresses)
        if seen == unless:
            return None
        if self._ahead and self._ahead.print == seen:
            return self._ahead
        return await load(seen, self.settings, self._aside, self._loaded if self.live else None)

    def _swap(self, fresh: Loaded) -> None:
        """Answer by it from now on; what was asked just before midnight is still answered by its own day."""
        only_the_day_differs = self._print is not None and self._print[1:] == fresh.print[1:]
        self._past.clear()
        if self.live and only_the_day_differs:
            self._past[self.live.day] = self.live
        self.live, self._print, self._ahead, self.problem = fresh.snapshot, fresh.print, None, ""
        self._loaded = fresh
        gc.freeze()  # what is loaded stays: no collection has to walk over it while somebody waits
        model_id, n = self.live.model.model_id, len(self.live.state.places)
        self.figures.serves(model_id, ready=True)
        LOG.warning("Serving %s, state of %d customers.", model_id, n)

    async def prepare(self) -> None:
        """Near midnight, load and test what the next day is answered by, so that nobody waits for it then."""
        soon = (self._clock() + AHEAD).date()
        async with self._loading:
            if self.live is None or soon <= self.live.day:
                return
            try:
                self._ahead = await self._load(soon, None) or self._ahead
            except (VintageError, OSError) as error:
                LOG.warning("From %s on nothing can be answered: %s", soon, error)

    def _refuse(self, why: str) -> None:
        if why != self.problem:
            LOG.error("Nothing is answered: %s", why)
        self.live, self.problem, self._print = None, why, None
        self.figures.serves("", ready=False)

    async def snapshot_of(self, day: date) -> Snapshot:
        """What applications of a day are answered by. Raises: NotReadyError, WrongDayError."""
        today = self.today()
        if day > today:
            raise WrongDayError(f"it is after today, {today}")
        if self.live and self.live.day < today:
            async with self._loading:
                if self.live.day < today:  # nobody did it while this one waited
                    await self._refresh()
        if self.live is None:
            raise NotReadyError(self.problem)
        if day == self.live.day:
            return self.live
        return await self._past_snapshot(day, self.live)

    async def _past_snapshot(self, day: date, live: Snapshot) -> Snapshot:
        async with self._loading:
            if day not in self._past:
                known = [live.model, *(one.model for one in self._past.values())]
                try:
                    found = await asyncio.to_thread(load_snapshot, day, self.settings, known=known)
                except VintageError as error:
                    raise WrongDayError(str(error)) from error
                self._past = dict([*self._past.items(), (day, found)][-MAX_PAST:])
            return self._past[day]

    async def answer(
        self,
        applications: Sequence[Application],
        *,
        path: str,
        body: bytes,
        key: str | None,
        caller: str = "",
    ) -> list[dict[str, Any]]:
        """The answers, each on disk by now; those given before where the key came with the same body.

        Raises: NotReadyError, WrongDayError, KeyReusedError, InFlightError.
        """
        if key is None:
            return await self._answer(applications, {"caller": caller})
        of_key, of_body = digest_of_key(f"{caller} {key}"), digest_of_body(path, body)
        before = self.keys.begin(of_key, of_body, datetime.now(UTC))
        if before is not None:
            return before
        try:
            answers = await self._answer(applications, {"caller": caller, "key": of_key, "body": of_body})
        except BaseException:
            self.keys.end(of_key, None)
            raise
        self.keys.end(of_key, answers)
        return answers

    async def _answer(
        self, applications: Sequence[Application], of_request: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        snapshots = [await self.snapshot_of(one.day) for one in applications]
        waited_for = [self._groups.ask(*pair) for pair in zip(applications, snapshots, strict=True)]
        found = [await one for one in waited_for]
        pairs = zip(applications, found, strict=True)
        lines = [_line(one, said, known, of_request) for one, (said, known) in pairs]
        await self._record(lines)
        for one, snapshot, line in zip(applications, snapshots, lines, strict=True):
            self.figures.answered(line["answer"])
            self._day_scores.add(line["answer"], str(self.today()))
            self.shadows.answered(snapshot, one, line)
        return [line["answer"] for line in lines]

    def figures_now(self) -> bytes:
        """The figures for Prometheus, with the drift of the day's scores as of now."""
        if self.live:
            model = self.live.model
            self.figures.drifted(*self._day_scores.psi(model.model_id, model.reference))
        return self.figures.text()

    async def next_grade(self, application: Application) -> dict[str, Any]:
        """What would have to change for a better grade. Raises: NotReadyError, WrongDayError."""
        score, changes = await find_changes(await self.snapshot_of(application.day), application)
        return {"grade": score.grade, "pd": score.pd, "changes": [asdict(one) for one in changes]}

    async def _record(self, lines: Sequence[Mapping[str, Any]]) -> None:
        try:
            await self.log.append(lines)
        except OSError as error:
            self.problem = f"no answer can be recorded: {error.strerror}"
            raise NotReadyError(self.problem) from error
        if self.live is not None:
            self.problem = ""


def _line(
    asked: Application, said: Mapping[str, Any], known: Mapping[str, Any], of_request: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "answer": {"request_id": uuid4().hex, **said},
        "asked": asked.stated,
        "known": known,
        **of_request,
    }
