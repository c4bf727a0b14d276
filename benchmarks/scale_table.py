"""`make bench-scale`: what features cost by volume, months, place and workers; writes benchmarks/scale.md.

Each row is one `vintage backfill --flows features` in a process of its own, on empty tables, of a lender
simulated for it. SCALE_VOLUMES, SCALE_MONTHS, SCALE_PLACES and SCALE_WORKERS choose what is measured; what
was measured before stays in the table, and what never was is said to be so.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from http.client import HTTPConnection
from itertools import product
from pathlib import Path

from simulator.lender import Lender, simulate

START = date(2020, 1, 1)
RESULTS = Path(__file__).parent / "scale.md"
Case = tuple[str, ...]  # volume, months, place, workers
GRID: dict[str, Case] = {
    "VOLUMES": ("1", "10", "100", "1000"),
    "MONTHS": ("6", "24", "48"),
    "PLACES": ("folder", "S3"),
    "WORKERS": ("1", "2", "4"),
}
NEVER = "| not measured | | |"
S3_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
HEAD = """# Features, past one machine

`make bench-scale` on a machine of 2 cores and 24 GiB: the command `vintage backfill --flows features` as a
whole, from raw files to features, on empty tables. CPU is that of all its processes, memory the peak of the
largest of them. S3 is moto's server on the same two cores, whose own CPU is not counted. 1 time the volume is
the reference lender's: 500 loans a month. More workers than cores are there to be seen, not to be used.

| Volume | Months | Place | Workers | Seconds | CPU s | Peak GiB |
|---|---|---|---|---|---|---|
"""


@contextmanager
def s3_server(cache: Path) -> Generator[dict[str, str]]:
    """The variables of an S3 server with a bucket named lake, while the block runs."""
    command = [sys.executable, "-c", S3_SERVER]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True) as server:
        port = int(server.stdout.readline())
        made = HTTPConnection("127.0.0.1", port)
        made.request("PUT", "/lake")
        made.getresponse().read()
        made.close()
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "XDG_CACHE_HOME": str(cache),
        }
        server.stdin.close()


def measure(data: Path, months: int, datamart: str, workers: str, environment: dict[str, str]) -> str:
    """Seconds, CPU seconds and peak memory of one command, as cells of the table."""
    last = START.replace(year=START.year + (months - 1) // 12, month=(months - 1) % 12 + 1)
    words = ["backfill", "--flows", "features", "--start", str(START), "--end", str(last), "--quiet"]
    places = ["--data", str(data), "--datamart", datamart, "--workers", workers]
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "flows", *words, *places], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return f"| failed ({process.returncode}) | | |"
    return f"| {seconds:.1f} | {used.ru_utime + used.ru_stime:.1f} | {used.ru_maxrss / 2**20:.2f} |"


def measured_before() -> dict[Case, str]:
    """The rows of the table that hold figures."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\w+) \| (\d+) (\| [\d.]+ \| .*)$", text, flags=re.M)
    return {tuple(case): cells for *case, cells in rows}


def main() -> None:
    """Measure what was chosen, and write the table."""
    chosen = [os.environ.get(f"SCALE_{name}", ",".join(all_of)).split(",") for name, all_of in GRID.items()]
    rows = measured_before()
    for volume, months in product(*chosen[:2]):
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            simulate(Lender(START, int(months), scale=int(volume)), work / "data")
            for place, workers in product(*chosen[2:]):
                home = f"{place}-{workers}"
                with s3_server(work / home) as variables:
                    datamart = f"s3://lake/{home}" if place == "S3" else str(work / home)
                    environment = {**os.environ, **variables, "PREFECT_HOME": str(work / "prefect")}
                    cells = measure(work / "data", int(months), datamart, workers, environment)
                rows[volume, months, place, workers] = cells
                print(volume, months, place, workers, cells, flush=True)
                lines = [f"| {' | '.join(case)} {rows.get(case, NEVER)}" for case in product(*GRID.values())]
                RESULTS.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
