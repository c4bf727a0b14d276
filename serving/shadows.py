"""Challengers in the shadow: they score what was answered, once nobody waits, and decide nothing."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from serving.answers import Application, known_of, names_of
from serving.figures import Figures
from serving.snapshot import ServedModel, Snapshot
from tasks.config import Settings
from tasks.decisions.shadow_scores import Texts, append_scores, to_text
from tasks.scoring.compiled_model import Score, score_rows

LOG = logging.getLogger("vintage")
MAX_WAITING = 2_000  # answers; beyond it one is left out, and counted
MAX_GROUP = 8  # answers that are scored before somebody who came meanwhile is let first
MAX_LINES = 256  # scores that are written at once
GATHERED_FOR = 0.1  # seconds in which answers come together: eight cost a third of one each
PAUSE = 0.002  # seconds until it is looked again whether somebody waits

Answered = tuple[Snapshot, Application, Mapping[str, Any]]


class Shadows:
    """A bounded queue of what was answered, and who scores it by the models in the shadow."""

    def __init__(self, settings: Settings, figures: Figures, busy: Callable[[], bool]) -> None:
        """Needs: `busy`, whether a request waits for anything but the disk now."""
        self._settings, self._figures, self._busy = settings, figures, busy
        self._waiting: deque[Answered] = deque()
        self._came, self._scoring = asyncio.Event(), asyncio.Lock()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work, in the running event loop."""
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Score what waits, and end."""
        if self._worker:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        await self.drain()

    async def drain(self) -> None:
        """Score what waits."""
        while self._waiting or self._scoring.locked():
            await self._score_some()

    def answered(self, snapshot: Snapshot, application: Application, line: Mapping[str, Any]) -> None:
        """Take what was answered, and is on disk as `line`; leave it out where too many wait."""
        if not snapshot.shadows:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._figures.shadowed("left out", len(snapshot.shadows))
            return
        self._waiting.append((snapshot, application, line))
        self._came.set()

    async def _work(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            await asyncio.sleep(GATHERED_FOR)
            while self._waiting:
                await self._score_some()

    async def _score_some(self) -> None:
        """Score up to MAX_LINES that wait, whenever nobody waits for an answer, and write the scores."""
        async with self._scoring:
            # Made text group by group: at once it would take its time while somebody waits, in a thread too.
            texts, n = defaultdict[str, str](str), 0
            while self._waiting and n < MAX_LINES:
                while self._busy():
                    await asyncio.sleep(PAUSE)
                lines = self._score_group()
                n += len(lines)
                for day, text in to_text(lines).items():
                    texts[day] += text
                await asyncio.sleep(0)
            if n:
                await self._keep(texts, n)

    def _score_group(self) -> list[dict[str, Any]]:
        """What the models in the shadow say of the next MAX_GROUP that wait."""
        group = [self._waiting.popleft() for _ in range(min(MAX_GROUP, len(self._waiting)))]
        lines: list[dict[str, Any]] = []
        for snapshot in {id(one): one for one, *_ in group}.values():
            lines += self._score(snapshot, [one for one in group if one[0] is snapshot])
        return lines

    async def _keep(self, texts: Texts, n: int) -> None:
        try:
            await asyncio.to_thread(append_scores, texts, self._settings)
        except OSError as error:
            LOG.warning("Scores of the shadow are not kept: %s", error)
            self._figures.shadowed("failed", n)
        else:
            self._figures.shadowed("scored", n)

    def _score(self, snapshot: Snapshot, group: Sequence[Answered]) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        for shadow in snapshot.shadows:
            try:
                known = [_known(shadow, one) for one in group]
                scores = score_rows(shadow.compiled, known)
            except Exception as error:
                LOG.warning("No score of %s in the shadow: %s", shadow.model_id, error)
                self._figures.shadowed("failed", len(group))
                continue
            lines += [
                _score_line(shadow.model_id, score, line)
                for (_, _, line), score in zip(group, scores, strict=True)
            ]
        return lines


def _known(shadow: ServedModel, answered: Answered) -> Mapping[str, Any]:
    """What is known of the features that the shadow learned: mostly what the champion knew."""
    snapshot, application, line = answered
    if line["known"].keys() >= set(names_of(shadow.compiled.layout)):
        return line["known"]
    return known_of(snapshot.state, shadow.compiled.layout, application)


def _score_line(model_id: str, score: Score, line: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a score: enough to set it against the answer that was given."""
    answer: Mapping[str, Any] = line["answer"]
    return {
        "at": line["at"],
        "request_id": answer["request_id"],
        "loan_id": answer["loan_id"],
        "application_date": answer["application_date"],
        "model_id": model_id,
        "pd": score.pd,
        "grade": score.grade,
        "score_path": score.path,
        "champion": answer["model_id"],
        "pd_champion": answer["pd"],
        "grade_champion": answer["grade"],
    }
