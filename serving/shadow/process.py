"""The process in which challengers score what was answered: it yields to the one that answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from serving.apart import Connection, exchange, start_apart
from tasks.decisions.shadow_scores import SCHEMA, Texts, to_text
from tasks.errors import PassingError
from tasks.scoring.compiled_model import CompiledModel, score_rows

NICENESS = 10  # it yields, and still gets on where others leave no core idle

Row = Mapping[str, Any]
Asked = tuple[str, Row, Row]  # digest of a model, what is known to it, what is kept of the answer


@dataclass(frozen=True)
class Scored:
    """Scores as lines by day, how many they are, and what went wrong with so many others."""

    texts: Texts
    n: int
    n_failed: int = 0
    problem: str = ""


class ScoringProcess:
    """Started when there is something to score, again if it ended; it holds the models that score."""

    def __init__(self) -> None:
        self._running: tuple[BaseProcess, Connection] | None = None
        self._held: set[str] = set()  # digests
        self._ended = False

    @property
    def pid(self) -> int | None:
        """Its number; None while there is none."""
        return self._running[0].pid if self._running else None

    def score(self, models: Mapping[str, CompiledModel], asked: Sequence[Asked]) -> Scored:
        """The scores by models, by their digests. It blocks; one thread at a time calls it.

        Raises: PassingError where the process ended meanwhile; the next call starts another.
        """
        if self._ended:
            raise PassingError("The process for the shadow was ended with the service.")
        if self._running is None:
            self._running, self._held = start_apart(score_on, NICENESS), set()
        process, connection = self._running
        given = {digest: None if digest in self._held else model for digest, model in models.items()}
        found = exchange(connection, (given, asked))
        if found is None:
            process.join()
            self._running = None
            raise PassingError("The process for the shadow ended without a word; another takes over.")
        self._held = set(models)
        return found

    def end(self) -> None:
        """Let it go, and start none again."""
        running, self._running, self._ended = self._running, None, True
        if running:
            running[0].kill()
            running[0].join()


def score_on(connection: Connection) -> None:
    """Score what comes, until nothing does any more."""
    held: dict[str, CompiledModel] = {}
    while True:
        try:
            given, asked = connection.recv()
        except EOFError:
            return
        held = {digest: model or held[digest] for digest, model in given.items()}
        connection.send(score_by(held, asked))


def score_by(models: Mapping[str, CompiledModel], asked: Sequence[Asked]) -> Scored:
    """What each model says of what it was asked; one that fails is told, and stops no other."""
    lines: list[dict[str, Any]] = []
    n_failed, problem = 0, ""
    for digest, model in models.items():
        mine = [(known, kept) for by, known, kept in asked if by == digest]
        try:
            scores = score_rows(model, [known for known, _ in mine])
        except Exception as error:
            n_failed, problem = n_failed + len(mine), str(error)
            continue
        for (_, kept), score in zip(mine, scores, strict=True):
            said = {**kept, "pd": score.pd, "grade": score.grade, "score_path": score.path}
            lines.append({name: said[name] for name in SCHEMA})
    return Scored(to_text(lines), len(lines), n_failed, problem)
