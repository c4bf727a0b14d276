"""Whether a challenger may take over: a decision made from finished figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.governance.policy import Gate
from tasks.statistics.performance import (
    Floats,
    measure_auc,
    measure_auc_gain,
    measure_brier,
    measure_brier_loss,
    measure_spiegelhalter_z,
)


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger passed, why in one sentence, and the figures that say so.

    `waits_for` says why what passed waits for a person; empty where it may serve at once.
    """

    promoted: bool
    why: str
    figures: Mapping[str, Any]
    waits_for: str = ""


@dataclass(frozen=True)
class GateInput:
    """The out-of-time loans that the gate looks at: `labels` (n,), the challenger's PDs (n,), and the rest.

    `champion` holds the champion's PDs of the same loans; None where there is no champion. `bad_rate` is that
    of the loans learned from, `n_cohorts` counts the application months, `fallbacks` maps what is missing to
    the AUC without it, `red_fairness` and `red_coverage` name the red figures of either.
    """

    labels: Floats
    challenger: Floats
    champion: Floats | None
    bad_rate: float
    n_cohorts: int
    fallbacks: Mapping[str, float]
    red_fairness: Sequence[str]
    red_coverage: Sequence[str]


def decide(shown: GateInput, limits: Gate) -> Verdict:
    """Whether the challenger may serve: promoted when it breaks no rule.

    It must rank and fit the champion's loans no worse than the champion, within noise (a first model: no
    worse than the floors), its probabilities must hold, or hold better than the champion's, an answer for
    missing sources must be measured, and fairness not be red. A red of coverage stops nothing, since a source
    may have ended for good; it sends what passes to a person.
    """
    figures = measure_challenger(shown, level=limits.level)
    broken = _broken_rules(figures, shown, limits)
    sample = f"{figures['n']} loans of {shown.n_cohorts} cohorts out of time"
    if shown.n_cohorts < limits.cohorts:
        sample += f" (fewer than {limits.cohorts}: no more are ripe)"
    summary = f"{_summarise(figures, limits.level)}; {sample}"
    why = f"{summary}: {'; '.join(broken)}" if broken else f"{summary}: every rule of the gate holds"
    waits_for = "" if broken or not shown.red_coverage else f"red: {', '.join(shown.red_coverage)}"
    return Verdict(promoted=not broken, why=why, figures=figures, waits_for=waits_for)


def interval_key(name: str, level: float) -> str:
    """Key of a figure's interval in the record of a gate, such as `auc_ci_90`."""
    return f"{name}_ci_{100 * level:g}"


def measure_challenger(shown: GateInput, *, level: float) -> dict[str, Any]:
    """The figures of the gate: AUC, Brier score and z of the challenger, and of what it is compared with."""
    auc = measure_auc(shown.labels, shown.challenger)
    base_rate = np.full(len(shown.labels), shown.bad_rate)
    compared_with = base_rate if shown.champion is None else shown.champion
    figures: dict[str, Any] = {
        "n": len(shown.labels),
        "n_cohorts": shown.n_cohorts,
        "auc": auc.value,
        interval_key("auc", level): list(auc.interval(level)),
        "brier": measure_brier(shown.labels, shown.challenger),
        "brier_to_beat": measure_brier(shown.labels, compared_with),
        "spiegelhalter_z": measure_spiegelhalter_z(shown.labels, shown.challenger),
    }
    loss, low, high = measure_brier_loss(shown.labels, shown.challenger, compared_with, level=level)
    figures |= {"brier_loss": loss, interval_key("brier_loss", level): [low, high]}
    if shown.champion is not None:
        figures["champion_spiegelhalter_z"] = measure_spiegelhalter_z(shown.labels, shown.champion)
        before = measure_auc(shown.labels, shown.champion)
        gain, low, high = measure_auc_gain(auc, before, level=level)
        figures |= {"champion_auc": before.value, "auc_gain": gain}
        figures[interval_key("auc_gain", level)] = [low, high]
    return figures


def _broken_rules(figures: Mapping[str, Any], shown: GateInput, limits: Gate) -> list[str]:
    gain = figures.get(interval_key("auc_gain", limits.level))
    low = figures[interval_key("auc", limits.level)][0]
    brier_loss = figures[interval_key("brier_loss", limits.level)][1]
    z, champion_z = abs(figures["spiegelhalter_z"]), abs(figures.get("champion_spiegelhalter_z", 0.0))
    checks = {
        f"the gain in AUC may be below {limits.min_gain}": gain is not None and gain[0] <= limits.min_gain,
        f"the AUC may be below the floor of {limits.auc_floor:.2f}": gain is None and low <= limits.auc_floor,
        f"the Brier score may be worse by {limits.max_brier_loss}": brier_loss >= limits.max_brier_loss,
        f"its probabilities do not hold (|z| is not below {limits.max_z})": z >= limits.max_z
        and z >= champion_z,
        "no fallback was measured": not shown.fallbacks,
        f"red: {', '.join(shown.red_fairness)}": bool(shown.red_fairness),
    }
    return [rule for rule, broken in checks.items() if broken]


def _summarise(figures: Mapping[str, Any], level: float) -> str:
    low, high = figures[interval_key("auc", level)]
    auc = f"first model, AUC {figures['auc']:.3f} ({low:.3f} to {high:.3f})"
    if "auc_gain" in figures:
        low, high = figures[interval_key("auc_gain", level)]
        auc = f"gain in AUC {figures['auc_gain']:+.3f} ({low:+.3f} to {high:+.3f})"
    brier = f"Brier {figures['brier']:.4f} against {figures['brier_to_beat']:.4f}"
    return f"{auc}, {brier}, z {figures['spiegelhalter_z']:+.2f}"
