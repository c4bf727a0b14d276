"""Whether a challenger may take over: a decision made from finished figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tasks.governance.policy import Gate
from tasks.schemas.predictions import describe_path
from tasks.statistics.performance import (
    MIN_OF_CLASS,
    Auc,
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
class PathInput:
    """A score path that is judged by itself: its `share` of the newest applications, and loans it can answer.

    Shapes: `labels`, `challenger`, `champion` (n,), the latter None without a champion; `ranking` as in
            GateInput.
    """

    share: float
    labels: Floats
    challenger: Floats
    champion: Floats | None
    ranking: Floats | None = None


@dataclass(frozen=True)
class GateInput:
    """The out-of-time loans that the gate looks at: `labels` (n,), the challenger's PDs (n,), and the rest.

    Each loan is scored by the path it would take. `champion` holds the champion's PDs of the same loans; None
    where there is no champion. `bad_rate` is that of the loans learned from, `n_cohorts` counts the
    application months, `fallbacks` maps what is missing to the AUC without it (None: nothing may be
    missing), `red_fairness` names the red groups that the challenger does not improve, `waits_for` what is
    for a person to decide on, `paths` are those that carry enough of the applications. `ranking` are the
    scores (n,) that the challenger ranks by where its PDs are put together of several calibrations, whose
    differences are no ranking of its own.
    """

    labels: Floats
    challenger: Floats
    champion: Floats | None
    bad_rate: float
    n_cohorts: int
    fallbacks: Mapping[str, float] | None
    red_fairness: Sequence[str]
    waits_for: Sequence[str]
    paths: Mapping[str, PathInput] = field(default_factory=dict[str, PathInput])
    ranking: Floats | None = None


def decide(shown: GateInput, limits: Gate) -> Verdict:
    """Whether the challenger may serve: promoted when it breaks no rule.

    It must rank and fit the champion's loans no worse than the champion, within noise (a first model: no
    worse than the floors), as served and on each path that carries enough of the applications, its
    probabilities must hold, or hold better than the champion's, an answer for missing sources must be
    measured, and a group whose fairness is red be improved. A red of coverage stops nothing, since a source
    may have ended for good; it sends what passes to a person, as does a group that stays red though improved.
    """
    figures = measure_challenger(shown, level=limits.level)
    figures["paths"] = {path: measure_path(one, level=limits.level) for path, one in shown.paths.items()}
    broken = [*_broken_rules(figures, shown, limits), *_broken_on_paths(figures["paths"], limits)]
    sample = f"{figures['n']:,} loans of {shown.n_cohorts} cohorts out of time"
    if shown.n_cohorts < limits.cohorts:
        sample += f" (fewer than {limits.cohorts}: no more are ripe)"
    by_path = "".join(f"; {_summarise_path(path, one, limits.level)}" for path, one in _own(figures).items())
    summary = f"{_summarise(figures, limits.level)}; {sample}{by_path}"
    why = f"{summary}: {'; '.join(broken)}" if broken else f"{summary}: every rule of the gate holds"
    waits_for = "" if broken or not shown.waits_for else f"red: {', '.join(shown.waits_for)}"
    return Verdict(promoted=not broken, why=why, figures=figures, waits_for=waits_for)


def paths_to_judge(shares: Mapping[str, float], limits: Gate) -> dict[str, float]:
    """The score paths that carry enough of the newest applications, with their shares."""
    return {path: share for path, share in shares.items() if share >= limits.path_share}


def interval_key(name: str, level: float) -> str:
    """Key of a figure's interval in the record of a gate, such as `auc_ci_90`."""
    return f"{name}_ci_{100 * level:g}"


def measure_challenger(shown: GateInput, *, level: float) -> dict[str, Any]:
    """The figures of the gate: AUC, Brier score and z of the challenger, and of what it is compared with."""
    auc = _measure_ranking(shown)
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
    return figures | _measure_gain(shown.labels, auc, shown.champion, level)


def measure_path(shown: PathInput, *, level: float) -> dict[str, Any]:
    """Share, loans, AUC and gain in AUC of a score path; no AUC where too few loans are of either class."""
    n, n_bad = len(shown.labels), int(shown.labels.sum())
    figures: dict[str, Any] = {"share": shown.share, "n": n}
    if min(n_bad, n - n_bad) < MIN_OF_CLASS:
        return figures
    auc = _measure_ranking(shown)
    figures |= {"auc": auc.value, interval_key("auc", level): list(auc.interval(level))}
    return figures | _measure_gain(shown.labels, auc, shown.champion, level)


def _measure_ranking(shown: GateInput | PathInput) -> Auc:
    return measure_auc(shown.labels, shown.challenger if shown.ranking is None else shown.ranking)


def _measure_gain(labels: Floats, auc: Auc, champion: Floats | None, level: float) -> dict[str, Any]:
    """AUC of the champion, the challenger's gain over it, and the gain's interval; nothing without one."""
    if champion is None:
        return {}
    before = measure_auc(labels, champion)
    gain, low, high = measure_auc_gain(auc, before, level=level)
    return {"champion_auc": before.value, "auc_gain": gain, interval_key("auc_gain", level): [low, high]}


def _broken_rules(figures: Mapping[str, Any], shown: GateInput, limits: Gate) -> list[str]:
    brier_loss = figures[interval_key("brier_loss", limits.level)][1]
    z, champion_z = abs(figures["spiegelhalter_z"]), abs(figures.get("champion_spiegelhalter_z", 0.0))
    ranking = _broken_ranking(figures, limits)
    checks = {
        ranking: bool(ranking),
        f"the Brier score may be worse by {limits.max_brier_loss}": brier_loss >= limits.max_brier_loss,
        f"its probabilities do not hold (|z| is not below {limits.max_z})": z >= limits.max_z
        and z >= champion_z,
        "no fallback was measured": shown.fallbacks is not None and not shown.fallbacks,
        f"red: {', '.join(shown.red_fairness)}": bool(shown.red_fairness),
    }
    return [rule for rule, broken in checks.items() if broken]


def _broken_ranking(figures: Mapping[str, Any], limits: Gate) -> str:
    """The rule of the ranking that is broken; empty when none is."""
    if interval_key("auc_gain", limits.level) in figures:
        low, limit = figures[interval_key("auc_gain", limits.level)][0], limits.min_gain
        return f"the gain in AUC may be below {limit}" if low <= limit else ""
    low, floor = figures[interval_key("auc", limits.level)][0], limits.auc_floor
    return f"the AUC may be below the floor of {floor:.2f}" if low <= floor else ""


def _broken_on_paths(paths: Mapping[str, Mapping[str, Any]], limits: Gate) -> list[str]:
    """The rule of the ranking on each path by itself."""
    broken: list[str] = []
    for path, figures in paths.items():
        measured = "auc" in figures
        rule = _broken_ranking(figures, limits) if measured else "too few loans of either class to measure"
        broken += [f"{describe_path(path)}: {rule}"] if rule else []
    return broken


def _own(figures: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The paths that say more than the figures of all loans together."""
    paths: Mapping[str, Any] = figures["paths"]
    return {path: one for path, one in paths.items() if one.get("auc") != figures["auc"]}


def _summarise_path(path: str, figures: Mapping[str, Any], level: float) -> str:
    name = f"{describe_path(path)} ({figures['share']:.0%} of the newest applications)"
    if "auc" not in figures:
        return f"{name} not measured"
    key = "auc_gain" if "auc_gain" in figures else "auc"
    low, high = figures[interval_key(key, level)]
    if key == "auc":
        return f"{name} AUC {figures['auc']:.3f} ({low:.3f} to {high:.3f})"
    return f"{name} gain in AUC {figures['auc_gain']:+.3f} ({low:+.3f} to {high:+.3f})"


def _summarise(figures: Mapping[str, Any], level: float) -> str:
    low, high = figures[interval_key("auc", level)]
    auc = f"first model, AUC {figures['auc']:.3f} ({low:.3f} to {high:.3f})"
    if "auc_gain" in figures:
        low, high = figures[interval_key("auc_gain", level)]
        auc = f"gain in AUC {figures['auc_gain']:+.3f} ({low:+.3f} to {high:+.3f})"
    brier = f"Brier {figures['brier']:.4f} against {figures['brier_to_beat']:.4f}"
    return f"{auc}, {brier}, z {figures['spiegelhalter_z']:+.2f}"
