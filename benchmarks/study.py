"""`make study`: how often monitoring alarms where nothing changed, and how soon where something did.

Lenders are simulated in memory; each is scored month by month by a chain of models that were trained, one
every third month, on a lender like it. The figures, the policy and the decisions are those that ship. Writes
benchmarks/monitoring.md. `STUDY_LENDERS` (unchanged ones; half as many have each end of a source or of
lending, a quarter each change), `STUDY_SIZES` (loans a month), `STUDY_CHAINS` (of models, at most),
`STUDY_TRIALS` (of the search) and `STUDY_JOBS` (processes of one thread each) make it smaller.
"""

import os
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

from scipy.stats import gamma

from benchmarks.study_lender import START, Book, Champion, build_cohort, find_unequal
from benchmarks.study_watch import Month, Scored, score, watch
from benchmarks.study_worlds import CHANGED, CHANGES, FIRST, LAST, OF_SOURCE, WORLDS
from simulator.drift import parse_drift
from simulator.terms import Lender, cohorts_of
from tasks.config import checked_settings
from tasks.governance.adopted_policy import read_policy
from tasks.governance.policy import Policy
from tasks.modelling.families import ModelSpec

LENDERS = int(os.environ.get("STUDY_LENDERS", "200"))
SIZES = tuple(int(size) for size in os.environ.get("STUDY_SIZES", "500,5000").split(","))
JOBS = int(os.environ.get("STUDY_JOBS", str(os.cpu_count() or 1)))
RESULTS = Path(__file__).parent / "monitoring.md"
EVERY = 3  # months between models
CHAINS = int(os.environ.get("STUDY_CHAINS", "10"))  # of models, which the lenders share
LARGE, CHAINS_OF_LARGE = 5000, 4  # loans a month from which there are fewer chains: one takes minutes
TRIALS, FIRST_SEED = int(os.environ.get("STUDY_TRIALS", "8")), 1000


@dataclass
class Tally:
    """What lenders of one kind saw: months watched, alarms by trigger, when a change was first seen."""

    lenders: int = 0
    months: int = 0
    alarms: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    textbook: int = 0
    red: list[int] = field(default_factory=list[int])
    any: list[int] = field(default_factory=list[int])
    rules: list[int] = field(default_factory=list[int])
    first_to_fire: Counter[str] = field(default_factory=Counter[str])

    def add(self, other: "Tally") -> None:
        """Take in the lenders of another tally."""
        self.lenders, self.months = self.lenders + other.lenders, self.months + other.months
        self.textbook += other.textbook
        for mine, others in ((self.alarms, other.alarms), (self.first_to_fire, other.first_to_fire)):
            mine.update(others)
        for mine, others in ((self.red, other.red), (self.any, other.any), (self.rules, other.rules)):
            mine.extend(others)


def count_alarms(
    months: Sequence[Month], expected: frozenset[str] = frozenset(), *, counted: int = FIRST
) -> Tally:
    """Alarms that nothing calls for, but the `expected`: a trigger that fires months on end is one alarm.

    From the month `counted` on; what fired right before is no new alarm.
    """
    watched = [one for one in months if one.month >= counted]
    tally = Tally(lenders=1, months=len(watched))
    earlier = [one for one in months if one.month == counted - 1]
    before = earlier[0] if earlier else Month(0, frozenset(), frozenset(), frozenset())
    for now in watched:
        tally.alarms.update(("red", name) for name in now.red - before.red - expected)
        tally.alarms.update(("amber", name) for name in now.amber - before.amber - expected)
        tally.textbook += bool(now.textbook - before.textbook)
        before = now
    return tally


def find_change(months: Sequence[Month]) -> Tally:
    """When a lender that changed was first seen: what fires after the change and did not right before."""
    before = next(one for one in months if one.month == CHANGED - 1)
    after = [one for one in months if one.month >= CHANGED]
    tally = Tally(lenders=1, months=len(after))
    loud = [one for one in after if (one.red | one.amber) - before.red - before.amber]
    tally.red = _first(one.month for one in after if one.red - before.red)
    tally.any = _first(one.month for one in loud)
    tally.rules = _first(one.month for one in after if one.textbook - before.textbook)
    if loud:
        tally.first_to_fire.update((loud[0].red | loud[0].amber) - before.red - before.amber)
    return tally


def _first(months: Iterable[int]) -> list[int]:
    return [month - CHANGED for month in months][:1]


def run_chain(size: int, chain: int, spec: ModelSpec) -> dict[str, Tally]:
    """Tallies, by change ("none" too), of the lenders that one chain of models serves."""
    policy = read_policy(checked_settings({}).policy).policy
    months = range(FIRST, LAST)
    own = Lender(START, LAST - EVERY + 1, size, chain)
    cohorts = [build_cohort(own, month, mob=policy.arrears.mob) for month in range(own.months)]
    book = Book(own, cohorts, policy)
    models: dict[int, Champion] = {m: book.champion(m, spec) for m in range(FIRST, LAST, EVERY)}
    tallies = {name: Tally() for name in ("none", *CHANGES, *WORLDS)}
    before = range(FIRST, CHANGED)
    worlds = {name: replace(own, drifts=(parse_drift(one.drift),)) for name, one in WORLDS.items()}
    unequal = {name: find_unequal(world, CHANGED, policy) for name, world in worlds.items()}
    for number in range(chain, LENDERS, n_chains(size)):
        lender = Lender(START, LAST, size, FIRST_SEED + number)
        usual = score_months(lender, models, months, policy)
        tallies["none"].add(count_alarms(watch(lender, usual, policy, months=months)))
        for name, ways in CHANGES.items() if number < LENDERS // 4 else ():
            way = ways[number // n_chains(size) % len(ways)]
            other = replace(lender, drifts=(parse_drift(way),))
            changed = {**usual, **score_months(other, models, range(CHANGED, LAST), policy)}
            tallies[name].add(find_change(watch(other, changed, policy, months=months)))
        for name, world in WORLDS.items() if number < max(1, LENDERS // 2) else ():
            other = replace(lender, drifts=(parse_drift(world.drift),))
            lived = score_months(other, models, range(CHANGED, LAST), policy, retired=world.retired)
            lived |= {month: usual[month] for month in before}
            seen = watch(other, lived, policy, months=months, unequal=unequal[name])
            tallies[name].add(count_alarms(seen, world.expected, counted=world.counted))
    return tallies


def n_chains(size: int) -> int:
    """How many chains of models serve the lenders of a size."""
    return min(CHAINS, LENDERS, CHAINS_OF_LARGE if size >= LARGE else LENDERS)


def score_months(
    lender: Lender,
    models: Mapping[int, Champion],
    months: Iterable[int],
    policy: Policy,
    *,
    retired: int | None = None,
) -> dict[int, Scored]:
    """The months in which somebody applied, scored; the clickstream is `retired` from a month, or never."""
    there = cohorts_of(lender)
    return {
        month: score(
            build_cohort(lender, month, mob=policy.arrears.mob),
            models[_model(month)],
            policy,
            ("clickstream",) if retired is not None and month >= retired else (),
        )
        for month in months
        if month in there
    }


def _model(month: int) -> int:
    return month - (month - FIRST) % EVERY


def find_spec() -> ModelSpec:
    """The specification that all models of the study are fitted by: one search, on the smallest lender."""
    policy = read_policy(checked_settings({}).policy).policy
    own = Lender(START, CHANGED + 1, min(SIZES), 0)
    cohorts = [build_cohort(own, month, mob=policy.arrears.mob) for month in range(own.months)]
    return Book(own, cohorts, policy).search(CHANGED, trials=TRIALS)


def say_alarms(tally: Tally, size: int) -> str:
    """A line of the first table."""
    years = tally.months / 12
    reds, ambers = (
        sum(n for (colour, _), n in tally.alarms.items() if colour == word) for word in ("red", "amber")
    )
    named = ", ".join(f"{name} {n}" for (_, name), n in tally.alarms.most_common()) or "none"
    cells = (
        f"{size:,}",
        f"{tally.lenders}",
        f"{years:.0f}",
        f"{reds / years:.3f} ({_interval(reds, years)})",
        f"{ambers / years:.3f}",
    )
    return "| " + " | ".join((*cells, f"{tally.textbook / years:.3f}", named)) + " |"


def _interval(n: int, years: float) -> str:
    """95 % interval of a rate a year, after n in so many years (Poisson, Jeffreys' prior)."""
    low, high = gamma.ppf((0.025, 0.975), n + 0.5) / years
    return f"{low:.3f} to {high:.3f}"


def say_change(name: str, tally: Tally, size: int) -> str:
    """A line of the second table."""
    seen = (_seen(found, tally.lenders) for found in (tally.red, tally.any, tally.rules))
    first = ", ".join(name for name, _ in tally.first_to_fire.most_common(2)) or "nothing"
    return "| " + " | ".join((name, f"{size:,}", f"{tally.lenders}", *seen, first)) + " |"


def _seen(found: Sequence[int], lenders: int) -> str:
    return f"{len(found) / lenders:.0%}, {statistics.median(found):.0f}" if found else "0%"


def write(tallies: dict[int, dict[str, Tally]]) -> None:
    """Write what is known so far."""
    lines = [
        "# Monitoring, tried on lenders that changed and on lenders that did not",
        "",
        f"Made by `make study`. Each lender is watched for {LAST - FIRST} months, with a new champion every "
        f"{EVERY} months;",
        f"a change comes in the {CHANGED - FIRST + 1}th. Figures, policy and decisions are those that ship.",
        "Textbook, on the same lenders: PSI or a CSI above 0.25, AUC of a cohort 0.05 below development.",
        "",
        "## Nothing changed: false alarms per lender-year",
        "",
        "A trigger that fires months on end is one alarm. Aims: red below 0.1, amber below 1.",
        "",
        "| Loans a month | Lenders | Years | Red | Amber | Textbook | By trigger, in all |",
        "|---|---|---|---|---|---|---|",
        *(say_alarms(found["none"], size) for size, found in tallies.items()),
        "",
        "## A source or lending ends: false alarms per lender-year from then on",
        "",
        f"Not counted, as they are right: {', '.join(sorted(OF_SOURCE))} where a source is missing;",
        "what fired before the decision, where one is retired; and fairness_red of groups that are below",
        "the red limit by the true PDs of 200,000 applicants. The models are of lenders that keep it.",
        "",
        "| World | Loans a month | Lenders | Years | Red | Amber | Textbook | By trigger, in all |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {name} {say_alarms(found[name], size)}"
            for name in WORLDS
            for size, found in tallies.items()
            if found[name].lenders
        ),
        "",
        "## Something changed: share of lenders in which it was seen, and median months until then",
        "",
        f"0 is the month of the change itself; {LAST - CHANGED} months are watched. A trigger that fired "
        "right before is not counted.",
        "",
        "| Change | Loans a month | Lenders | Red | Red or amber | Textbook | First to fire |",
        "|---|---|---|---|---|---|---|",
        *(
            say_change(name, found[name], size)
            for name in CHANGES
            for size, found in tallies.items()
            if found[name].lenders
        ),
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Run every chain of every size and write the tables as they grow."""
    spec = find_spec()
    tallies = {size: {name: Tally() for name in ("none", *CHANGES, *WORLDS)} for size in SIZES}
    with ProcessPoolExecutor(JOBS, get_context("spawn")) as pool:  # a fork of Polars' threads hangs
        for size in SIZES:
            chains = range(n_chains(size))
            for found in pool.map(run_chain, [size] * len(chains), chains, [spec] * len(chains)):
                for name, tally in found.items():
                    tallies[size][name].add(tally)
                write({done: tallies[done] for done in SIZES if tallies[done]["none"].lenders})
                print(say_alarms(tallies[size]["none"], size), flush=True)


if __name__ == "__main__":
    main()
