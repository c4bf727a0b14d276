"""What happened and what follows from it, cause by cause, in words; pure."""

from collections.abc import Sequence

from tasks.reporting.costs import drifting_since
from tasks.reporting.facts import Facts, Row, months_outside, outside_since, source_of
from tasks.reporting.words import (
    about,
    capital,
    list_names,
    model_name,
    month_name,
    pairs_right,
    window_name,
)
from tasks.schemas.monitoring import METRICS, keep_metrics

MAX_GRADES = 2  # named beside the worst one


def describe_cause(name: str, rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    """What happened and what follows, by the figures of a cause that are outside their limits."""
    return DESCRIPTIONS.get(name, _describe_other)(rows, facts)


def _describe_source(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    missing = [row for row in rows if row["metric"] == "coverage"]
    named = list_names([row["subject"] for row in missing if row["status"] == missing[0]["status"]])
    share = missing[0]["value"]
    since = month_name(outside_since(missing[0], facts.past))
    covered = "no" if share < 0.0005 else f"{share:.1%} of the"
    cause = f"{capital(named)} has covered {covered} applicants since {since}"
    return cause, _describe_approved(facts)


def _describe_approved(facts: Facts) -> str:
    """What a missing source does to those approved."""
    rate = facts.money("bad_rate_approved")
    if facts.all_complete:
        return "all are still scored by the complete model, on what was known before"
    if rate is None or rate["reference"] is None:
        return "its effect is not known yet"
    moved = "up" if rate["value"] >= rate["reference"] else "down"
    return f"expected bad rate among approved {moved} from {rate['reference']:.1%} to {rate['value']:.1%}"


def _describe_paths(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    return _describe_other(rows, facts)[0], _describe_approved(facts)


def _describe_ranking(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    row = rows[0]
    if row["metric"] != "pooled_auc":
        return "Adjacent grades default in the wrong order", _describe_realised(facts)
    now, then = (pairs_right(row[name], digits=1) for name in ("value", "reference"))
    fell = f"ranks {now} right, {then.split()[0]} at development"
    return f"{capital(model_name(row['model_id']))} {fell}", _describe_realised(facts)


def _describe_calibration(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    large = next((row for row in rows if row["metric"] == "calibration_in_the_large"), None)
    if large is not None:
        return _describe_all_grades(large, facts)
    grades = [row for row in rows if row["metric"] == "grade_bad_rate"]
    if grades:
        return _describe_grades(grades, facts)
    return (
        f"Single PDs of {window_name(rows[0]['window'])} are off by more than chance, some too high and some "
        "too low, though as many loans defaulted as predicted",
        f"the PD of one applicant says less than it should; {_describe_realised(facts)}",
    )


def _describe_all_grades(row: Row, facts: Facts) -> tuple[str, str]:
    """Predicted against observed defaults of all grades together; rates where the grades are known."""
    low = "the PDs are too low: the cut-off lets in riskier loans than it says"
    high = "the PDs are too high: the cut-off turns away better loans than it says"
    follows = f"{low if row['value'] > 1 else high}; {_describe_realised(facts)}"
    of, loans = f"{row['value']:.2f} times", f"loans of {window_name(row['window'])}"
    rates = facts.bad_rates(row["window"])
    if rates is None:
        return f"{capital(of)} as many {loans} defaulted as were predicted", follows
    observed, predicted = rates
    told = f"{observed:.1%} of all {loans}, of any PD, defaulted, {predicted:.1%} were predicted"
    return f"{told} ({of} as many)", follows


def _describe_grades(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    first, others = rows[0], rows[1 : 1 + MAX_GRADES]
    named = [f"{row['subject']} ({row['value']:.1%} against {row['reference']:.1%})" for row in others]
    likewise = f"; likewise grade {list_names(named)}" if named else ""
    return (
        f"Grade {first['subject']}: {first['value']:.1%} of its {first['n']:,} loans of "
        f"{window_name(first['window'])} defaulted, {first['reference']:.1%} were predicted{likewise}",
        f"PDs of that size are too low; of all grades together {_describe_realised(facts)}",
    )


def _describe_realised(facts: Facts) -> str:
    rate, profit = facts.money("bad_rate_approved", "realised"), facts.money("profit", "realised")
    if rate is None or profit is None:
        return "no approved loan of it is ripe yet"
    return (
        f"{rate['value']:.1%} of the approved loans of {window_name(rate['window'])} defaulted, a profit of "
        f"about {about(profit['value'])}"
    )


def _describe_arrears(rows: Sequence[Row], _facts: Facts) -> tuple[str, str]:
    row = rows[0]
    return (
        f"{row['value']:.1%} of the loans of {window_name(row['window'])} are in arrears, where their PDs "
        f"imply {row['reference']:.1%}",
        "more of them are likely to default than expected",
    )


def _describe_score(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    since = month_name(drifting_since(rows, facts))
    moved = [row for row in rows if row["metric"] == "csi"]
    features = [row["subject"] for row in sorted(moved, key=lambda row: -row["value"])]
    sources = list_names(list(dict.fromkeys(source_of(name) for name in features)))
    by = f" ({sources})" if features else " by their scores"
    named = list_names([*features[:2], *(["others"] if len(features) > 2 else [])])
    cause = f"Applicants have changed since {since}{by}"
    return cause, f"{f'{named} moved; ' if features else ''}{_describe_shift(facts)}"


def _describe_shift(facts: Facts) -> str:
    """Approval rate against training, and expected bad rate of those approved."""
    rate, approved = facts.money("bad_rate_approved"), keep_metrics(facts.now, "approval_rate")
    if rate is None:
        return "its effect is not known yet"
    expected = f"expected bad rate among approved is {rate['value']:.1%}"
    for now, then in approved.drop_nulls(["value", "reference"]).select("value", "reference").iter_rows():
        return f"{now:.1%} are approved, {then:.1%} at training; {expected}"
    return expected


def _describe_fairness(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    row, groups = rows[0], [one["subject"].replace("_", " ") for one in rows]
    others = f", as {'are' if len(groups) > 2 else 'is'} {list_names(groups[1:4])}" if groups[1:] else ""
    more = f" and {len(groups) - 4} more" if len(groups) > 4 else ""
    months = months_outside(row, facts.past)
    run = f" for {months} months in a row, since" if months > 1 else ", for the first time in"
    return (
        f"{capital(groups[0])} is approved {row['value']:.2f} times as often as the largest group",
        f"it has been below the limit of {row['amber']:.2f}{run} {month_name(outside_since(row, facts.past))}"
        f"{others}{more}; whether their risk explains it is for compliance to judge",
    )


def _describe_other(rows: Sequence[Row], _facts: Facts) -> tuple[str, str]:
    row = rows[0]
    spec = METRICS[row["metric"]]
    value = "not measured" if row["value"] is None else spec.write(row["value"])
    return f"{capital(spec.name_of(row))} is {value}, beyond its {row['status']} limit", "see the proof below"


DESCRIPTIONS = {
    "source": _describe_source,
    "path_cost": _describe_paths,
    "ranking": _describe_ranking,
    "calibration": _describe_calibration,
    "arrears": _describe_arrears,
    "score": _describe_score,
    "fairness": _describe_fairness,
}
