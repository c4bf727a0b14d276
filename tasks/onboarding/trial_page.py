"""What would become of a lender's files, as one HTML page that needs nothing but itself."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from tasks.onboarding.trial import Trial
from tasks.place import Place
from tasks.store import documents
from tasks.text import for_html


def write_trial(trial: Trial, out: Path) -> Place:
    """Write the page; return its path. The same files give the same bytes."""
    loader = PackageLoader("tasks.onboarding", "templates")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, finalize=for_html)
    return documents.write_page(out, pages.get_template("trial.html").render(trial.as_rows()))
