"""The worlds of the monitoring study: what changes for its lenders, when, and what rightly tells of it."""

from dataclasses import dataclass

FIRST, CHANGED, LAST = 12, 18, 30  # months: of the first model, of the change, after the last
FROM = CHANGED + 1  # as the simulator counts months
# A change is made in one or two ways; the lenders take turns.
CHANGES = {
    "financials stop": (f"stop:financials:{FROM}",),
    "clickstream stops": (f"stop:clickstream:{FROM}",),
    "a feature shifts by 0.25 sd": (f"shift:fe_5:{FROM}:0.25", f"shift:Outstanding_Debt:{FROM}:0.25"),
    "a feature shifts by 0.5 sd": (f"shift:fe_5:{FROM}:0.5", f"shift:Outstanding_Debt:{FROM}:0.5"),
    "two columns swapped": (f"swap:fe_5:fe_10:{FROM}", f"swap:Num_Bank_Accounts:Num_Credit_Card:{FROM}"),
    "population mix shifts (20 % worse)": (f"mix:{FROM}:0.2",),
    "bad rate shifts (odds times 1.5)": (f"badrate:{FROM}:1.5",),
    "relation decays over six months": (f"decay:{FROM}:6",),
}


@dataclass(frozen=True)
class World:
    """A source or lending that ends, for good or for a time, and the triggers that rightly tell of it.

    From the month `retired` on the source is; new alarms are counted from `counted` on.
    """

    drift: str
    expected: frozenset[str] = frozenset()
    counted: int = CHANGED
    retired: int | None = None


# Triggers that rightly tell of a source that is missing.
OF_SOURCE = frozenset({"source_missing", "source_gone", "path_cost_red"})
DECIDED = CHANGED + 3  # after three months without the source
WORLDS = {
    "clickstream ends for new applicants, is retired in the fourth month": World(
        f"close:clickstream:{FROM}", counted=DECIDED, retired=DECIDED
    ),
    "clickstream is missing for four months and returns": World(f"gap:clickstream:{FROM}:4", OF_SOURCE),
    "lending pauses for three months": World(f"pause:{FROM}:3"),
    "lending ends, the book runs off": World(f"pause:{FROM}:{LAST}"),
}
