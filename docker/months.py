"""Write the first and the last month of the data, which the DAGs begin and end with."""

import sys
from pathlib import Path

from tasks.config import Settings
from tasks.ingest import months_received

months = months_received(Settings())
Path(sys.argv[1]).write_text(f"{months[0]} {months[-1]}\n")
