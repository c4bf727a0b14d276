"""The card of a model: a record for machines, and the same in words for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.schemas.feature_store import describe_feature, name_histories
from tasks.schemas.predictions import describe_path
from tasks.text import for_markdown

Card = Mapping[str, Any]


def render_card(card: Card) -> str:
    """The card as Markdown; the same card gives the same text."""
    parts = (
        _head, _use, _data, _candidates, _subgroups, _gate, _paths, _by_history, _tuning, _ablations,
        _limits, _code, _features,
    )  # fmt: skip
    return "\n".join(line for part in parts for line in (*part(card), ""))


def _head(card: Card) -> list[str]:
    winner = card["candidates"][0]["oot"]
    low, high = winner["auc_ci_95"]
    return [
        f"# Model {card['model_id']}",
        "",
        f"Purpose: {card['purpose']}. Family: {card['family']}. Trained on {card['as_of']} "
        f"by {for_markdown(card['trained_by'])}.",
        "",
        f"Its AUC out of time is {winner['auc']:.3f} ({low:.3f} to {high:.3f}, 95%) on "
        f"{winner['n']:,} loans; observed/expected defaults are {winner['observed_to_expected']:.2f}.",
        *_history(card["data"].get("oot_history_months")),
        *_recalibration(card.get("recalibration")),
    ]


def _recalibration(record: Card | None) -> list[str]:
    """From which model it was recalibrated, on which loans, and what that changed."""
    if record is None:
        return []
    before, after = record["before"], record["after"]
    cohorts = f"{record['cohorts'][0][:7]} to {record['cohorts'][-1][:7]}"
    return [
        "",
        f"This is {record['of']} with another calibration, fitted to {record['n']} loans of {cohorts} that "
        f"it had not learned from; data, candidates and fallbacks are those of its training of "
        f"{record['trained_as_of']}. On these loans, each cohort recalibrated on the others, "
        f"observed/expected was {before['observed_to_expected']:.2f} and is "
        f"{after['observed_to_expected']:.2f}; the slope was "
        f"{before['calibration_slope']:.2f} and is {after['calibration_slope']:.2f}.",
    ]


def _history(months: float | None) -> list[str]:
    """For which length of history the figures out of time hold."""
    if months is None:
        return []
    return [
        f"These figures hold for customers whose {name_histories()} history was {months:g} months long at "
        "the application (median out of time); with longer histories the AUC is higher, with shorter ones "
        "lower."
    ]


def _use(card: Card) -> list[str]:
    """Empty for a card that was made before it said so."""
    use = card.get("use")
    if not use:
        return []
    rows = [
        ["Owner", use["owner"]],
        ["Approver", use["approver"]],
        ["Intended users", use["users"]],
        ["Out of scope", "; ".join(use["out_of_scope"])],
        ["Review due", use["review_by"]],
        ["Monitoring", use["monitoring"]],
    ]
    return ["## Use", "", *_table(("What", "Who and when"), rows)]


def _subgroups(card: Card) -> list[str]:
    rows = [
        [
            for_markdown(one["group"]),
            f"{one['n']:,}",
            f"{one['bad_rate']:.1%}",
            f"{one['mean_pd']:.1%}",
            "too few of a class" if one["auc"] is None else f"{one['auc']:.3f}",
        ]
        for one in card.get("subgroups", [])
    ]
    names = ("Group", "Loans", "Bad rate", "Mean PD", "AUC")
    return ["## Results by group, out of time", "", *_table(names, rows)] if rows else []


def _data(card: Card) -> list[str]:
    data = card["data"]
    rows = zip(data["cohorts"], data["n_by_cohort"], data["bad_rate_by_cohort"], strict=True)
    cohorts = [
        [day[:7], f"{n:,}", f"{rate:.1%}", "out of time" if day in data["oot"] else "development"]
        for day, n, rate in rows
    ]
    tables = [[name, str(t["version"]), f"{t['rows']:,}"] for name, t in data["tables"].items()]
    return [
        "## Data",
        "",
        f"{data['n_loans']:,} ripe loans, {data['n_unripe_loans']:,} younger ones; history viewed "
        f"`{card['reading']}`.",
        *(
            f"Other teams' source `{name}`: {', '.join(map(for_markdown, columns))}."
            for name, columns in data["sources"].items()
        ),
        *(
            f"Left out, as it is retired from {day}: `{name}`."
            for name, day in data.get("retired", {}).items()
        ),
        "",
        *_table(("Table", "Delta version", "Rows until the training day"), tables),
        "",
        *_table(("Cohort", "Loans", "Bad rate", "Used for"), cohorts),
    ]


def _candidates(card: Card) -> list[str]:
    rows: list[list[str]] = []
    for candidate in card["candidates"]:
        oot = candidate["oot"]
        low, high = oot["auc_ci_95"]
        figures = ("ks", "brier", "spiegelhalter_z", "observed_to_expected")
        values = [f"{oot[name]:.3f}" for name in figures]
        rows.append([candidate["family"], f"{oot['auc']:.3f} ({low:.3f} to {high:.3f})", *values])
    names = ("Family", "AUC (95%)", "KS", "Brier", "Spiegelhalter z", "O/E")
    readings = [[name, f"{f['auc']:.3f}", f"{f['log_loss']:.4f}"] for name, f in card["readings"].items()]
    return [
        "## Candidates, out of time",
        "",
        "Each fitted to the development cohorts alone; the first one is the model.",
        "",
        *_table(names, rows),
        "",
        "Views of the history that were compared:",
        "",
        *_table(("View", "AUC", "Log loss"), readings),
    ]


def _gate(card: Card) -> list[str]:
    gate = card["gate"]
    decided = "passed" if gate["promoted"] else "not passed"
    if gate.get("waits_for"):
        decided += f"; waits for a person ({gate['waits_for']})"
    against = gate["champion"] or "the floors of a first model"
    return ["## Gate", "", f"Compared with {against}: {decided}. {gate['why'][0].upper()}{gate['why'][1:]}."]


def _paths(card: Card) -> list[str]:
    names = ("n", "auc", "auc_ci_95", "brier", "observed_to_expected", "calibration_slope")
    rows: list[list[str]] = []
    for path, figures in card["fallbacks"].items():
        n, auc, (low, high), brier, ratio, slope = (figures[name] for name in names)
        cells = (f"{auc:.3f} ({low:.3f} to {high:.3f})", f"{brier:.4f}", f"{ratio:.2f}", f"{slope:.2f}")
        rows.append([describe_path(path), f"{n:,}", *cells])
    grades = ", ".join(f"{name} to {limit:.0%}" for name, limit in card["grade_limits"].items())
    return [
        "## Score paths: which model answers when a source is missing",
        "",
        "Each on the out-of-time loans that it can answer, as if the sources that it lacks said nothing of "
        "them. A path that is not listed was not validated: its applications are for manual review.",
        "",
        *_table(("Score path", "Loans", "AUC out of time (95%)", "Brier", "O/E", "Slope"), rows),
        "",
        f"Grades by PD: {grades}, G above.",
    ]


def _by_history(card: Card) -> list[str]:
    """Empty for a card that was made before it said so, and without a history."""
    rows: list[list[str]] = []
    for one in card.get("by_history", ()):
        low, high = one["auc_ci_95"]
        auc = f"{one['auc']:.3f} ({low:.3f} to {high:.3f})"
        rows.append([_describe_band(one), f"{one['n']:,}", auc, f"{one['observed_to_expected']:.2f}"])
    if not rows:
        return []
    return [
        "## Results by length of history",
        "",
        "The out-of-time loans with their histories cut to a random number of their newest months, so that "
        "each length can be judged; each cohort by a fit to all cohorts before it.",
        "",
        *_table(("Months of history", "Loans", "AUC out of time (95%)", "O/E"), rows),
    ]


def _describe_band(record: Card) -> str:
    least, most = record["from_months"], record["to_months"]
    if most is None:
        return f"{least} and more"
    return f"{least}" if least == most else f"{least} to {most}"


def _tuning(card: Card) -> list[str]:
    setup = card["setup"]
    params = [
        [c["family"], ", ".join(f"{name} {value:.4g}" for name, value in c["params"].items())]
        for c in card["candidates"]
    ]
    return [
        "## Tuning",
        "",
        f"{setup['trials']} trials a family, seed {setup['seed']}; tried first: "
        f"{'the values of the model before' if setup['start'] else 'the defaults'}.",
        "",
        *_table(("Family", "Hyperparameters"), params),
    ]


def _features(card: Card) -> list[str]:
    """An appendix: each feature with what it means."""
    rows = [[f"`{for_markdown(name)}`", describe_feature(name)] for name in card["data"]["features"]]
    return ["## Appendix: features", "", *_table(("Feature", "What it means"), rows)]


def _ablations(card: Card) -> list[str]:
    rows: list[list[str]] = []
    for one in card["ablations"]:
        low, high = one["change_ci_90"]
        rows.append([one["family"], f"{one['auc']:.3f}", f"{one['change']:+.4f} ({low:+.4f} to {high:+.4f})"])
    return [
        "## Value of families of features",
        "",
        "Out of time, the model refitted without a family of features (`vintage evaluate --ablations` walks "
        "forward):",
        "",
        *_table(("Without", "AUC", "Change (90%)"), rows),
        *_compared(card["sources_compared"]),
    ]


def _compared(compared: Mapping[str, Any] | None) -> list[str]:
    """What other teams' sources would add, by the last comparison before the training."""
    if not compared:
        return []
    rows = [
        [
            one["features"],
            f"{one['auc']:.3f}",
            describe_gain(one),
            f"{one['coverage']:.0%}",
            one["recommendation"],
        ]
        for one in compared["choices"]
    ]
    head = ("Features", "AUC", "Gain over our features (90%)", "Coverage", "Recommended")
    months = f"{compared['start'][:7]} to {compared['end'][:7]}"
    return ["", f"Other teams' sources, walk-forward over {months}:", "", *_table(head, rows)]


def _limits(card: Card) -> list[str]:
    return ["## Limitations", "", *(f"- {limit}" for limit in card["limits"])]


def _code(card: Card) -> list[str]:
    rows = [[name, value] for name, value in card["code"].items()]
    return ["## Code", "", *_table(("What", "Version"), rows), "", f"Artefact SHA-256: `{card['sha256']}`"]


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def describe_gain(record: Mapping[str, Any]) -> str:
    """The gain over ours with its interval, for people."""
    gain, low, high = (round(record[name], 4) + 0.0 for name in ("gain", "gain_low", "gain_high"))
    return f"{gain:+.4f} ({low:+.4f} to {high:+.4f})"
