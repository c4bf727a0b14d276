"""How well a score ranks and how well its probabilities hold, on loans whose outcome is known.

Shapes: `labels` (n,) of 0 and 1, `scores` or `pds` (n,) of floats, all in the same row order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import norm, rankdata
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Auc:
    """An area under the ROC curve (0 to 1) with its variance and the parts that pair it with another."""

    value: float
    variance: float
    of_bad: Floats
    of_good: Floats

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided normal interval, cut at 0 and 1."""
        half = float(norm.ppf(0.5 + level / 2)) * self.variance**0.5
        return max(0.0, self.value - half), min(1.0, self.value + half)


def measure_auc(labels: Floats, scores: Floats) -> Auc:
    """AUC with DeLong's variance by the rank method of Sun & Xu (2014, IEEE SPL 21(11), algorithm 2).

    Needs: at least two loans of each class.
    """
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
    half = float(norm.ppf(0.5 + level / 2)) * float(variance) ** 0.5
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


def measure_spiegelhalter_z(labels: Floats, pds: Floats) -> float:
    """How far the Brier score is from what the PDs themselves imply, in standard errors (Spiegelhalter 1986).

    About standard normal when the PDs hold; 0 when every PD is 0, 0.5 or 1 and nothing can be said.
    """
    away = float(np.sum((labels - pds) * (1 - 2 * pds)))
    variance = float(np.sum((1 - 2 * pds) ** 2 * pds * (1 - pds)))
    return away / variance**0.5 if variance > 0 else 0.0


def measure_log_loss(labels: Floats, pds: Floats) -> float:
    """Mean negative log-likelihood of the outcomes."""
    return float(-np.mean(np.where(labels == 1, np.log(pds), np.log1p(-pds))))


def measure_observed_to_expected(labels: Floats, pds: Floats) -> float:
    """Defaults that happened per default expected (calibration in the large; 1 is on target)."""
    return float(labels.sum() / pds.sum())


def measure_slope(labels: Floats, pds: Floats) -> float:
    """Slope of the outcomes' log-odds over the PDs' (Cox 1958): below 1 where PDs are too extreme.

    Needs: both classes.
    """
    log_odds = logit(np.clip(pds, 1e-9, 1 - 1e-9)).reshape(-1, 1)
    return float(LogisticRegression(C=np.inf).fit(log_odds, labels).coef_[0, 0])
