"""Write the first and the last month of the data, which the DAGs begin and end with.

A file that cannot be read keeps nobody from opening Airflow: the months stay as they were, or are this one
alone, and the features task says what is wrong.
"""

import sys
from datetime import date
from pathlib import Path

from tasks.config import checked_settings
from tasks.errors import VintageError
from tasks.ingestion.tasks import months_received

written = Path(sys.argv[1])
try:
    months = months_received(checked_settings({}))
except VintageError as error:
    print(f"init: {error}")  # noqa: T201 - for the log of init
    months = [] if written.exists() else [date.today().replace(day=1)]
if months:
    written.write_text(f"{months[0]} {months[-1]}\n")
