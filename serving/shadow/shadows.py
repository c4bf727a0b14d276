"""Challengers in the shadow: they score what was answered, in a process of their own, and decide nothing."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Any

from serving.answers import Application, known_of
from serving.figures import Figures
from serving.shadow.process import Row, Scored, ScoringProcess
from serving.snapshot import ServedModel, Snapshot
from tasks.config import Settings
from tasks.decisions.shadow_scores import append_scores
from tasks.errors import PassingError

LOG = logging.getLogger("vintage")
MAX_WAITING = 2_000  # scores; beyond it one is left out, and counted
MAX_GROUP = 64  # that are handed over at once: more would hold the answers up while they are packed
GATHERED_FOR = 0.1  # seconds in which they come together: many cost a third of one each
TRIES = 2  # a group that two processes ended with is not scored
RESTS_FOR = 60.0  # seconds in which no other is started then: one that always ends would take up a core
DRAINED_WITHIN = 10.0  # seconds that what waits has once the service ends

Waiting = tuple[ServedModel, Row, Row]  # by which model, what is known to it, what is kept of the answer


class Shadows:
    """A bounded queue of what was answered, and who hands it over to the process that scores it."""

    def __init__(self, settings: Settings, figures: Figures) -> None:
        self._settings, self._figures = settings, figures
        self._waiting: deque[Waiting] = deque()
        self._came, self._scoring = asyncio.Event(), asyncio.Lock()
        self._worker: asyncio.Task[None] | None = None
        self._gave_up = -inf  # when a group was given up, by the clock of the loop
        self.process = ScoringProcess()

    def start(self) -> None:
        """Begin to work, in the running event loop."""
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Score what waits, leave out what takes too long, and end."""
        drained = asyncio.create_task(self.drain())
        await asyncio.wait([drained], timeout=DRAINED_WITHIN)
        if self._waiting:
            LOG.warning("Without %d scores of the shadow: its process took too long.", len(self._waiting))
            self._figures.shadowed("left out", len(self._waiting))
            self._waiting.clear()
        await asyncio.to_thread(self.process.end)
        await drained
        if self._worker:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker

    async def drain(self) -> None:
        """Score what waits."""
        while self._waiting or self._scoring.locked():
            await self._score_some()

    def answered(self, snapshot: Snapshot, application: Application, line: Mapping[str, Any]) -> None:
        """Take what was answered, and is on disk as `line`; leave it out where too many wait."""
        for shadow in snapshot.shadows:
            if len(self._waiting) >= MAX_WAITING:
                self._figures.shadowed("left out", 1)
                continue
            known = _known(shadow, snapshot, application, line)
            self._waiting.append((shadow, known, _kept(shadow, line)))
            self._came.set()

    async def _work(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            await asyncio.sleep(GATHERED_FOR)
            await self.drain()

    async def _score_some(self) -> None:
        """Have the next MAX_GROUP scored, and count what came of it."""
        async with self._scoring:
            group = [self._waiting.popleft() for _ in range(min(MAX_GROUP, len(self._waiting)))]
            if group and not await self._is_scored(group):
                self._figures.shadowed("failed", len(group))

    async def _is_scored(self, group: Sequence[Waiting]) -> bool:
        """Whether a process scored the group; none is asked for a while after TRIES ended with one."""
        now = asyncio.get_running_loop().time()
        for _ in range(TRIES if now >= self._gave_up + RESTS_FOR else 0):
            try:
                self._count(await asyncio.to_thread(self._score, group))
            except PassingError as error:
                LOG.warning("%s", error)
                self._figures.shadow_process_ended()
                self._gave_up = now
            else:
                self._gave_up = -inf
                return True
        return False

    def _score(self, group: Sequence[Waiting]) -> Scored:
        """What the process says of a group, once it is kept. Raises: PassingError where the process ended."""
        models = {model.sha256: model.compiled for model, *_ in group}
        scored = self.process.score(models, [(model.sha256, known, kept) for model, known, kept in group])
        try:
            append_scores(scored.texts, self._settings)
        except OSError as error:
            return Scored({}, 0, len(group), f"they are not kept: {error}")
        return scored

    def _count(self, scored: Scored) -> None:
        if scored.n:
            self._figures.shadowed("scored", scored.n)
        if scored.n_failed:
            LOG.warning("Without %d scores of the shadow: %s", scored.n_failed, scored.problem)
            self._figures.shadowed("failed", scored.n_failed)


def _known(shadow: ServedModel, snapshot: Snapshot, application: Application, line: Row) -> Row:
    """What is known of the features that the shadow learned: mostly what the champion knew."""
    mine, learned = snapshot.model.compiled.layout, shadow.compiled.layout
    if mine.numbers.keys() >= learned.numbers.keys() and mine.words.keys() >= learned.words.keys():
        return line["known"]
    return known_of(snapshot.state, learned, application)


def _kept(shadow: ServedModel, line: Row) -> Row:
    """What is kept beside a score: enough to set it against the answer that was given."""
    answer: Row = line["answer"]
    return {
        "at": line["at"],
        "request_id": answer["request_id"],
        "loan_id": answer["loan_id"],
        "application_date": answer["application_date"],
        "model_id": shadow.model_id,
        "champion": answer["model_id"],
        "pd_champion": answer["pd"],
        "grade_champion": answer["grade"],
    }
