"""One-shot, for init: Airflow's pool of the tasks, and the months of the data for the DAGs.

    airflow_start.py 2023-01-01 2024-12-01

Without months those of before stay: a file that cannot be read keeps nobody from opening Airflow.
"""

import sys

from airflow.models import Pool, Variable

Pool.create_or_update_pool("vintage", slots=1, description="one writer at a time", include_deferred=False)
if sys.argv[1:]:
    Variable.set("vintage_months", " ".join(sys.argv[1:]))
