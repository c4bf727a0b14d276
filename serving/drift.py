"""How far the scores of answers lie from those that their model learned from: of a day, and week by week."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.decisions.log import Line, read_log
from tasks.monitoring.score_paths import measure_psi
from tasks.monitoring.stability import measure_shift, score_bins
from tasks.registry.history import load_registry
from tasks.registry.registered_files import read_reference
from tasks.registry.settings_of_record import policy_on

MAX_SCORES = 10_000  # the newest answers of a day, of which its PSI is
WEEKS = {"week": pl.String, "model_id": pl.String, "n": pl.Int64, "psi": pl.Float64, "status": pl.String}
SCORES = {"pd": pl.Float64, "fallback": pl.String}


class DayScores:
    """The newest scores of a day by one model."""

    def __init__(self) -> None:
        self._of: tuple[str, str] = ("", "")
        self._scores: deque[tuple[float, str]] = deque(maxlen=MAX_SCORES)

    def add(self, answer: Mapping[str, Any], day: str) -> None:
        """Take an answer that was given on a day; one by another model, or of another day, begins anew."""
        if self._of != (of := (day, answer["model_id"])):
            self._of = of
            self._scores.clear()
        self._scores.append((answer["pd"], answer["score_path"]))

    def psi(self, model_id: str, reference: Mapping[str, Any]) -> tuple[int, float | None]:
        """Of how many scores, and their PSI against the model's reference; None where there is none."""
        if self._of[1] != model_id:
            return 0, None
        scores = pl.DataFrame(list(self._scores), schema=SCORES, orient="row")
        bins, n_reference, paths = score_bins(
            reference, dict(scores["fallback"].value_counts(name="n").rows())
        )
        pds = scores.filter(pl.col("fallback").is_in(paths))["pd"]
        return len(pds), None if pds.is_empty() else measure_shift(pds, bins, n_reference).psi


def measure_weeks(settings: Settings) -> pl.DataFrame:
    """PSI of the answers of each week (from its Monday, UTC) and model: week, model_id, n, psi, status.

    Its limits are those of the policy on the week's last day; `no reference` where the model has none.
    Raises: ModelStoreError for a log that was changed.
    """
    registry = load_registry(settings)
    found: list[tuple[str, str, int, float | None, str]] = []
    for (monday, model_id), scores in sorted(_by_week(read_log(settings)).items()):
        limits = policy_on(monday + timedelta(days=6), settings).policy.stability
        rows = pl.DataFrame(scores, schema=SCORES, orient="row")
        one = measure_psi(rows, read_reference(registry, model_id), "score", limits=limits)
        found.append((str(monday), model_id, one["n"], one["value"], one["status"]))
    return pl.DataFrame(found, schema=WEEKS, orient="row")


def _by_week(lines: Sequence[Line]) -> dict[tuple[date, str], list[tuple[float, str]]]:
    weeks: dict[tuple[date, str], list[tuple[float, str]]] = {}
    for line in lines:
        day, answer = date.fromisoformat(line["at"][:10]), line["answer"]
        monday = day - timedelta(days=day.weekday())
        weeks.setdefault((monday, answer["model_id"]), []).append((answer["pd"], answer["score_path"]))
    return weeks
