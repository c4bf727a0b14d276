"""`vintage economics`: what the model earns and costs."""

from datetime import date
from typing import Annotated

from flows.cli.options import day_option, with_settings
from flows.console import print_frame, show
from tasks.config import Settings


@with_settings("datamart", "as_json")
def economics(
    settings: Settings,
    day: Annotated[
        date | None, day_option("Date that was monitored [default: the newest].", "--date")
    ] = None,
) -> None:
    """Show what the model earns and costs on a date: losses, profit, best cut-off, missing sources.

    Expected figures rest on the PDs, realised ones on labels; amounts are in account currency.
    """
    from tasks.economics.reading import economics_on, summarise
    from tasks.monitoring.actions import newest_monitored

    found = economics_on(day or newest_monitored(settings), settings)
    words = ("title", "basis", "window", "path", "status")
    show(found, lambda: print_frame(summarise(found), left=words))
