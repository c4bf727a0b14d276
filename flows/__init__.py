"""The order of work: flows, their runs in Prefect, and the command line."""

import gc
import os

# Prefect reads these when it is imported, which is after this. A server that does not answer holds up the
# work for seconds, not for minutes; the logs of runs hold what our own logger says.
PREFECT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "vintage",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_API_REQUEST_TIMEOUT": "10",
    "PREFECT_CLIENT_MAX_RETRIES": "2",
}
for _name, _value in PREFECT.items():
    os.environ.setdefault(_name, _value)

# What is imported stays: looking through it for garbage after every 700 new objects, as Python does, takes a
# fourteenth of a command's time.
gc.set_threshold(100_000, 20, 20)
