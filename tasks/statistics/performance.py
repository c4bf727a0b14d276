"""How well a score ranks and how well its probabilities hold, on loans whose outcome is known.

Shapes: `labels` (n,) of 0 and 1, `scores` or `pds` (n,) of floats, all in the same row order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.schemas.monitoring import CONFIDENCE

Floats = NDArray[np.float64]
MIN_OF_CLASS = 2  # good and bad loans that a ranking needs
INSIDE = (1e-9, 1 - 1e-9)  # where the logarithm of a PD is finite
Z_OF = {0.95: 1.959963984540054}  # z of a level: scipy.special takes longer to import than a report to read


def find_z(level: float) -> float:
    """Half the width of a two-sided normal interval, in standard errors."""
    if level in Z_OF:
        return Z_OF[level]
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


@dataclass(frozen=True)
class Auc:
    """An area under the ROC curve (0 to 1) with its variance and the parts that pair it with another."""

    value: float
    variance: float
    of_bad: Floats
    of_good: Floats

    def interval(self, level: float = CONFIDENCE) -> tuple[float, float]:
        """Two-sided normal interval, cut at 0 and 1."""
        half = find_z(level) * self.variance**0.5
        return max(0.0, self.value - half), min(1.0, self.value + half)


def measure_auc(labels: Floats, scores: Floats) -> Auc:
    """AUC with DeLong's variance by the rank method of Sun & Xu (2014, IEEE SPL 21(11), algorithm 2).

    Needs: at least two loans of each class.
    """
    from scipy.stats import rankdata  # here, as it takes long to import: what reads figures does without

    bad, good = scores[labels == 1], scores[labels == 0]
    m, n = len(bad), len(good)
    everyone = rankdata(np.concatenate([bad, good]))
    of_bad = (everyone[:m] - rankdata(bad)) / n
    of_good = 1.0 - (everyone[m:] - rankdata(good)) / m
    variance = of_bad.var(ddof=1) / m + of_good.var(ddof=1) / n
    return Auc(float(of_bad.mean()), float(variance), of_bad, of_good)


def measure_auc_gain(challenger: Auc, champion: Auc, *, level: float) -> tuple[float, float, float]:
    """Gain in AUC of one score over another on the same loans, with its paired interval (DeLong 1988)."""
    gain = challenger.value - champion.value
    of_bad, of_good = challenger.of_bad - champion.of_bad, challenger.of_good - champion.of_good
    variance = of_bad.var(ddof=1) / len(of_bad) + of_good.var(ddof=1) / len(of_good)
    half = find_z(level) * float(variance) ** 0.5
    return gain, gain - half, gain + half


def measure_ks(labels: Floats, scores: Floats) -> float:
    """Largest distance between the score distributions of good and bad loans (Kolmogorov-Smirnov)."""
    order = np.argsort(scores, kind="stable")
    sorted_scores, sorted_labels = scores[order], labels[order]
    last_of_tie = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    bad = np.cumsum(sorted_labels)[last_of_tie] / sorted_labels.sum()
    good = np.cumsum(1 - sorted_labels)[last_of_tie] / (1 - sorted_labels).sum()
    return float(np.abs(bad - good).max())


def measure_brier(labels: Floats, pds: Floats) -> float:
    """Mean squared distance between outcome and probability (Brier 1950)."""
    return float(np.mean((pds - labels) ** 2))


def measure_brier_loss(
    labels: Floats, pds: Floats, other: Floats, *, level: float
) -> tuple[float, float, float]:
    """How much worse the Brier score of `pds` is than that of `other` on the same loans, with its interval.

    Normal, of the mean of paired differences of squared distances (Diebold and Mariano 1995).
    """
    paired = (pds - labels) ** 2 - (other - labels) ** 2
    loss, error = float(paired.mean()), float(paired.std(ddof=1)) / len(paired) ** 0.5
    half = find_z(level) * error
    return loss, loss - half, loss + half


def measure_spiegelhalter_z(labels: Floats, pds: Floats) -> float:
    """How far the Brier score is from what the PDs themselves imply, in standard errors (Spiegelhalter 1986).

    About standard normal when the PDs hold; 0 when every PD is 0, 0.5 or 1 and the test says nothing.
    """
    away = float(np.sum((labels - pds) * (1 - 2 * pds)))
    variance = float(np.sum((1 - 2 * pds) ** 2 * pds * (1 - pds)))
    return away / variance**0.5 if variance > 0 else 0.0


def measure_log_loss(labels: Floats, pds: Floats) -> float:
    """Mean negative log-likelihood of the outcomes; PDs are kept a hair away from 0 and 1."""
    kept = np.clip(pds, *INSIDE)
    return float(-np.mean(np.where(labels == 1, np.log(kept), np.log1p(-kept))))


def measure_observed_to_expected(labels: Floats, pds: Floats) -> float:
    """Observed/expected defaults (calibration in the large; 1 is on target)."""
    return float(labels.sum() / pds.sum())


def measure_slope(labels: Floats, pds: Floats) -> float:
    """Slope of the outcomes' log-odds over the PDs' (Cox 1958): below 1 where PDs are too extreme.

    Needs: both classes.
    """
    from scipy.special import logit  # here, for the same reason
    from sklearn.linear_model import LogisticRegression

    log_odds = logit(np.clip(pds, *INSIDE)).reshape(-1, 1)
    return float(LogisticRegression(C=np.inf).fit(log_odds, labels).coef_[0, 0])


def wilson_interval(n_bad: float, n: float, *, level: float) -> tuple[float, float]:
    """Two-sided interval of a rate by its score test (Wilson 1927), 0 to 1."""
    z, p = find_z(level), n_bad / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Estimate:
    """A value with the limits of its interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


def _estimate_auc(labels: Floats, scores: Floats) -> Estimate:
    auc = measure_auc(labels, scores)
    return Estimate(auc.value, *auc.interval())


def _estimate_gini(labels: Floats, scores: Floats) -> Estimate:
    """Twice the AUC less 1."""
    auc = measure_auc(labels, scores)
    low, high = auc.interval()
    return Estimate(2 * auc.value - 1, 2 * low - 1, 2 * high - 1)


def _estimate_bad_rate(labels: Floats, _pds: Floats) -> Estimate:
    n_bad, n = float(labels.sum()), len(labels)
    return Estimate(float(labels.mean()), *wilson_interval(n_bad, n, level=CONFIDENCE))


# The performance of a score, by the name that monitoring, evaluation and cards have for it.
RANKING: Mapping[str, Callable[[Floats, Floats], Estimate]] = {  # of at least two loans of each class
    "auc": _estimate_auc,
    "gini": _estimate_gini,
    "ks": lambda labels, scores: Estimate(measure_ks(labels, scores)),
    "calibration_slope": lambda labels, pds: Estimate(measure_slope(labels, pds)),
}
FIT: Mapping[str, Callable[[Floats, Floats], Estimate]] = {
    "brier": lambda labels, pds: Estimate(measure_brier(labels, pds)),
    "log_loss": lambda labels, pds: Estimate(measure_log_loss(labels, pds)),
    "bad_rate_observed": _estimate_bad_rate,
    "bad_rate_expected": lambda _labels, pds: Estimate(float(pds.mean())),
    "observed_to_expected": lambda labels, pds: Estimate(measure_observed_to_expected(labels, pds)),
    "spiegelhalter_z": lambda labels, pds: Estimate(measure_spiegelhalter_z(labels, pds)),
}
PERFORMANCE = {**RANKING, **FIT}


def measure_performance(labels: Floats, pds: Floats, *names: str) -> dict[str, Estimate]:
    """Some of PERFORMANCE, by name, on loans whose outcome is known."""
    return {name: PERFORMANCE[name](labels, pds) for name in names}
