"""Whether a challenger may take over: a decision made from finished figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.statistics.performance import (
    Floats,
    measure_auc,
    measure_auc_gain,
    measure_brier,
    measure_spiegelhalter_z,
)

WORST_LOSS = -0.01  # of AUC that the lower limit of the paired interval may show
LEVEL = 0.90
AUC_FLOOR = 0.60  # a first model has no champion to beat; below this it is not worth serving
WORST_Z = 2.58  # of Spiegelhalter's test, either way
COHORTS = 3  # out of time that a gate should see


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger is promoted, why in one sentence, and the figures that say so."""

    promoted: bool
    why: str
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """The out-of-time loans that a gate looks at: `labels` (n,), the challenger's PDs (n,), and the rest.

    `champion` holds the champion's PDs of the same loans; None where there is no champion. `bad_rate` is that
    of the loans learned from, `n_cohorts` counts the application months, `fallbacks` maps what is missing to
    the AUC without it, and `reds` names red figures of coverage and fairness.
    """

    labels: Floats
    challenger: Floats
    champion: Floats | None
    bad_rate: float
    n_cohorts: int
    fallbacks: Mapping[str, float]
    reds: Sequence[str]


def decide(trial: Trial) -> Verdict:
    """Whether the challenger may serve: promoted when it breaks no rule.

    It must rank and fit the champion's loans no worse than the champion (a first model: no worse than the
    floors), its probabilities must hold, an answer for missing sources must be measured, and nothing be red.
    """
    figures = measure_trial(trial)
    broken = _broken(figures, trial)
    seen = f"{figures['n']} loans of {trial.n_cohorts} cohorts out of time"
    if trial.n_cohorts < COHORTS:
        seen += f" (fewer than {COHORTS}: no more are ripe)"
    said = f"{_say(figures)}; {seen}"
    why = f"{said}: {'; '.join(broken)}" if broken else f"{said}: every rule of the gate holds"
    return Verdict(promoted=not broken, why=why, figures=figures)


def measure_trial(trial: Trial) -> dict[str, Any]:
    """The figures of the gate: AUC, Brier score and z of the challenger, and of what it is held against."""
    auc = measure_auc(trial.labels, trial.challenger)
    usual = np.full(len(trial.labels), trial.bad_rate)
    held_against = usual if trial.champion is None else trial.champion
    figures: dict[str, Any] = {
        "n": len(trial.labels),
        "n_cohorts": trial.n_cohorts,
        "auc": auc.value,
        "auc_ci_90": list(auc.interval(LEVEL)),
        "brier": measure_brier(trial.labels, trial.challenger),
        "brier_to_beat": measure_brier(trial.labels, held_against),
        "spiegelhalter_z": measure_spiegelhalter_z(trial.labels, trial.challenger),
    }
    if trial.champion is not None:
        before = measure_auc(trial.labels, trial.champion)
        gain, low, high = measure_auc_gain(auc, before, level=LEVEL)
        figures |= {"champion_auc": before.value, "auc_gain": gain, "auc_gain_ci_90": [low, high]}
    return figures


def _broken(figures: Mapping[str, Any], trial: Trial) -> list[str]:
    gain = figures.get("auc_gain_ci_90")
    checks = {
        f"the gain may be below {WORST_LOSS}": gain is not None and gain[0] <= WORST_LOSS,
        f"the AUC may be below the floor of {AUC_FLOOR:.2f}": gain is None
        and figures["auc_ci_90"][0] <= AUC_FLOOR,
        "the Brier score is worse": figures["brier"] > figures["brier_to_beat"],
        f"its probabilities do not hold (|z| is not below {WORST_Z})": abs(figures["spiegelhalter_z"])
        >= WORST_Z,
        "no fallback was measured": not trial.fallbacks,
        f"red: {', '.join(trial.reds)}": bool(trial.reds),
    }
    return [rule for rule, broken in checks.items() if broken]


def _say(figures: Mapping[str, Any]) -> str:
    low, high = figures["auc_ci_90"]
    said = f"first model, AUC {figures['auc']:.3f} ({low:.3f} to {high:.3f})"
    if "auc_gain" in figures:
        low, high = figures["auc_gain_ci_90"]
        said = f"gain in AUC {figures['auc_gain']:+.3f} ({low:+.3f} to {high:+.3f})"
    brier = f"Brier {figures['brier']:.4f} against {figures['brier_to_beat']:.4f}"
    return f"{said}, {brier}, z {figures['spiegelhalter_z']:+.2f}"
