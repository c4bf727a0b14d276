"""What the service counts of itself, for Prometheus."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)
PDS = (0.03, 0.08, 0.16, 0.30, 0.50, 0.75)  # where grades end


class Figures:
    """Counters of one service."""

    def __init__(self) -> None:
        self.inside = 0  # requests that came in and are not answered yet
        self._all = CollectorRegistry()
        self._ready = Gauge("vintage_ready", "1 while applications are answered", registry=self._all)
        self._model = Gauge("vintage_model", "1 for the model that serves", ["model_id"], registry=self._all)
        self._answers = Counter(
            "vintage_answers", "Answers", ["decision", "grade", "score_path"], registry=self._all
        )
        self._refused = Counter(
            "vintage_refused", "Requests without an answer", ["status"], registry=self._all
        )
        self._shadows = Counter(
            "vintage_shadow_scores",
            "Scores by models in the shadow: scored, failed, left out as too many waited",
            ["outcome"],
            registry=self._all,
        )
        self._shadow_ends = Counter(
            "vintage_shadow_process_ends",
            "Processes of the shadow that ended by themselves, each replaced",
            registry=self._all,
        )
        self._pd = Histogram("vintage_pd", "PD of answers", buckets=PDS, registry=self._all)
        self._psi = Gauge(
            "vintage_score_psi", "PSI of the day's scores by the model that serves", registry=self._all
        )
        self._n_psi = Gauge("vintage_score_psi_answers", "Answers that the PSI is of", registry=self._all)
        self._seconds = Histogram(
            "vintage_answer_seconds", "Seconds to an answer on disk", buckets=SECONDS, registry=self._all
        )

    def serves(self, model_id: str, *, ready: bool) -> None:
        """Note which model serves, if any does."""
        self._ready.set(ready)
        self._model.clear()
        if ready:
            self._model.labels(model_id).set(1)

    def answered(self, said: Mapping[str, Any]) -> None:
        """Count an answer."""
        self._answers.labels(said["decision"], said["grade"], said["score_path"]).inc()
        self._pd.observe(said["pd"])

    def took(self, seconds: float) -> None:
        """Note how long a request took."""
        self._seconds.observe(seconds)

    def refused(self, status: int) -> None:
        """Count a request that got no answer."""
        self._refused.labels(str(status)).inc()

    def shadowed(self, outcome: str, n: int) -> None:
        """Count scores by models in the shadow."""
        self._shadows.labels(outcome).inc(n)

    def shadow_process_ended(self) -> None:
        """Count a process of the shadow that ended by itself."""
        self._shadow_ends.inc()

    def drifted(self, n: int, psi: float | None) -> None:
        """Note the PSI of the day's scores, of so many; NaN where there is none."""
        self._n_psi.set(n)
        self._psi.set(float("nan") if psi is None else psi)

    def text(self) -> bytes:
        """All of it, in Prometheus' own format."""
        return generate_latest(self._all)
