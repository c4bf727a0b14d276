"""Applications with amounts, PDs and outcomes, made up."""

import numpy as np

from tasks.economics.figure import Figure, Loans
from tasks.statistics.performance import Floats

AMOUNT = 1_000.0


def expected(*pds: float) -> Loans:
    values = np.array(pds)
    return Loans("expected", values, np.full(len(pds), AMOUNT), values)


def realised(pds: Floats, labels: Floats) -> Loans:
    return Loans("realised", pds, np.full(len(pds), AMOUNT), labels)


def one(figures: list[Figure], name: str, path: str = "all") -> Figure:
    (found,) = [figure for figure in figures if figure.figure == name and figure.path == path]
    return found
