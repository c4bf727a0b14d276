"""The floor: parse the four CSV files and write them partitioned to Delta, nothing else."""

import sys
import time
from pathlib import Path

import polars as pl


def main() -> None:
    """Print the seconds it takes for the files of the first folder, written to the second."""
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    start = time.perf_counter()
    for file in sorted(data.glob("*.csv")):
        if file.stem != "true_default_probability":
            rows = pl.read_csv(file, infer_schema=False)
            rows.write_delta(out / file.stem, delta_write_options={"partition_by": ["snapshot_date"]})
    print(time.perf_counter() - start)


main()
