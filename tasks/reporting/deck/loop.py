"""Pages 3 and 4: how the loop is built, and how it keeps time."""

from datetime import date

from tasks.months import months_before
from tasks.reporting.deck.blocks import Block, Page, Row, steps, table
from tasks.reporting.deck.data import DeckData
from tasks.reporting.deck.waiting import first_training
from tasks.reporting.words import day_name, model_name, month_name

DEPLOYMENT = (
    ("Batch, monthly", "decisions may wait a day; any month can be replayed", "a day of delay", "today"),
    ("Shadow", "a new family, or a score that moved: it scores and decides nothing", "a month", "next"),
    ("Canary", "a sure gain, an unsure operation: a tenth of applications", "two policies", "later"),
    (
        "Real time",
        "the customer waits, features are there in seconds",
        "a service day and night",
        "on demand",
    ),
)
LEAKS = (
    (
        "Features from the future",
        "a payment or click after the application is averaged in",
        "features read rows up to the application day; a join looks back only",
        "rows dated later change nothing",
    ),
    (
        "Labels not yet known",
        "a loan is judged before it is old enough, or by what came later",
        "a label exists from its ripe month on; training reads labels up to its day",
        "month by month equals all at once",
    ),
    (
        "Test mixed into training",
        "tuned, scaled or chosen on the months it is judged on",
        "split by time; the latest cohorts are scored once, never tuned on",
        "row order and re-runs change nothing",
    ),
)


def build_architecture(data: DeckData) -> Page:
    """The way from raw files to decisions and back, with the tools that go it."""
    rows = sum(data.rows.values())
    return Page(
        "Architecture",
        f"{data.months.height} months and {rows:,} rows went through four flows, each month whole or "
        "not at all",
        "Files come in once a month. Four steps clean them, learn, score and check, and what is found "
        "out decides "
        "whether the model learns again. Any month can be run again alone and gives the same rows.",
        [Row([_drawing(data)]), Row([_deployment()], fill=True)],
    )


def _drawing(data: DeckData) -> Block:
    def count(name: str) -> str:
        return f"{data.rows.get(name, 0):,} rows"

    decided = sum(row["state"] in ("champion", "rejected") for row in data.models)
    stages = [
        [
            "Airflow 3",
            "says when: thin DAGs call the command line, once a flow and month",
            f"{data.months.height} months",
        ],
        ["Prefect 3", "runs four flows: features, training, inference, monitoring", "retries, logs, lock"],
        [
            "Polars 2, Delta Lake",
            "CSV to bronze, silver and gold, a partition a month",
            count("silver.loans") + " of loans",
        ],
        [
            "scikit-learn, Optuna",
            "tuned, stacked, calibrated; a fallback for each missing source",
            count("gold.label_store") + " of labels",
        ],
        [
            "Registry",
            "gate, card, approval; sealed history, rolled back by one command",
            f"{decided} verdicts",
        ],
        [
            "Monitoring",
            "figures with limits, actions with owners; report and deck (Typst)",
            count("gold.monitoring"),
        ],
    ]
    loop = (
        "the loop: ripe labels and red figures train a challenger, which serves only through the "
        "gate; then score again"
    )
    base = (
        "Docker Compose: all of it on one machine, Airflow and the pipeline each in an environment of its own"
    )
    return {"kind": "architecture", "title": "", "stages": stages, "loop": loop, "base": base}


def _deployment() -> Block:
    header = ("How to deploy", "Choose it when", "Cost", "Here")
    return table("Deployment options", header, DEPLOYMENT, widths=(1, 3, 1.3, 0.7), size=13.5, inset=7.5)


def build_time(data: DeckData) -> Page:
    """One application, and what could be known on its day."""
    scored = data.months.drop_nulls("scored")["month"].to_list()
    applied = scored[0] if scored else max(first_training(data), data.day)
    serving = [
        row for row in data.models if row["state"] == "champion" and row["effective_from"] <= str(applied)
    ]
    model = model_name(serving[-1]["model_id"]) if serving else "model of that day"
    verb = "was" if scored else "would be"
    return Page(
        "Time",
        f"An application of {day_name(applied)} {verb} scored without one row from after that day",
        "A model that has seen the future looks brilliant on paper and fails in service. So each step "
        "may read only "
        "what was known on its day, and tests try to cheat and must fail.",
        [
            Row([_calendar(data, applied, model)]),
            Row([_leaks()], fill=True),
            Row([_split(data)]),
        ],
    )


def _calendar(data: DeckData, applied: date, model: str) -> Block:
    return {
        "kind": "calendar",
        "title": "",
        "learned": month_name(months_before(applied, data.label_mob)),
        "applied": month_name(applied),
        "ripe": month_name(months_before(applied, -data.label_mob)),
        "mob": str(data.label_mob),
        "model": model,
    }


def _split(data: DeckData) -> Block:
    """How the champion's cohorts were parted by time."""
    if not data.card:
        items = [("Ripe cohorts", "none learned from yet"), ("First model", "when enough of them are ripe")]
        return steps("How loans are parted by time", items, height=52)
    known = data.card["data"]
    development, oot = known["development"], known["oot"]
    items = [
        (
            f"{len(development)} cohorts",
            f"development: {month_name(development[0])} to {month_name(development[-1])}",
        ),
        ("Tuning", "inside development, later folds judged by earlier ones"),
        (f"{len(oot)} cohorts", f"out of time: {month_name(oot[0])} to {month_name(oot[-1])}, scored once"),
        (f"{known['n_unripe_loans']:,} loans", "not ripe: their labels do not exist yet"),
    ]
    return steps(f"How the loans of the {model_name(data.model_id)} were parted by time", items, height=54)


def _leaks() -> Block:
    header = (
        "Kind of leak",
        "How it would happen",
        "What prevents it",
        "Invariant that tests hold on the flows",
    )
    return table(
        "Three kinds of leak, and what holds them off",
        header,
        LEAKS,
        widths=(1, 1.5, 1.6, 1.2),
        size=14,
        inset=3,
    )
