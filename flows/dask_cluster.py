"""Where months are handed to: a Dask cluster of this machine while a command runs, or another that is there.

Nothing of Dask is imported where neither is named.
"""

import logging
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from os import cpu_count
from typing import Any

from tasks.errors import PassingError, UsageError
from tasks.prefect import all_sent, in_flow_run

CONNECT_SECONDS = 30
SEND_SECONDS = 10


@dataclass(frozen=True)
class Scheduler:
    """Where a Dask scheduler answers, and the certificates it wants."""

    address: str
    security: Any = None


@contextmanager
def scheduler(n_workers: int, cluster: str | None) -> Generator[Scheduler | None]:
    """A scheduler with so many workers of this machine while the block runs, or that of an address.

    None for a single worker, which is this process.
    Raises: UsageError without the extra `scale`, for both at once, or for what is no address.
    """
    if cluster is None and n_workers == 1:
        yield None
        return
    if cluster is not None and n_workers > 1:
        raise UsageError("--workers starts a cluster and --cluster names one; give one of them.")
    if find_spec("prefect_dask") is None:
        raise UsageError(
            "--workers and --cluster need Dask, which is not installed here: pip install '.[scale]', in the "
            "clone."
        )
    if cluster is not None:
        if not re.fullmatch(r"(tcp|tls)://[\w.\-\[\]:]+:\d+", cluster):
            raise UsageError(f"--cluster {cluster!r} is no scheduler; write it as tcp://host:8786.")
        yield Scheduler(cluster)
        return
    with _local_cluster(n_workers) as local:
        yield local


@contextmanager
def _local_cluster(n_workers: int) -> Generator[Scheduler]:
    """Workers of this machine, each a process; by TLS, as whoever reaches a scheduler may run code."""
    from distributed import LocalCluster

    threads = str(max(1, (cpu_count() or 1) // n_workers))
    cluster: Any = LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        host="127.0.0.1",
        security=True,
        silence_logs=logging.CRITICAL,
        env={"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": threads},
        dashboard_address="127.0.0.1:0",
        memory_limit=None,  # of memory there is a setting of ours
    )
    with cluster as local:
        yield Scheduler(local.scheduler_address, local.security)


def task_runner(of: Scheduler) -> Any:
    """What hands the tasks of a Prefect flow to the scheduler's workers."""
    from prefect_dask.task_runners import DaskTaskRunner

    kwargs = {"security": of.security} if of.security else {}
    return DaskTaskRunner(address=of.address, client_kwargs=kwargs)


@contextmanager
def connected(of: Scheduler) -> Generator[Any]:
    """A client of the scheduler, which has a worker at least.

    Raises: PassingError.
    """
    from distributed import Client

    client: Any = None
    try:
        client = Client(of.address, security=of.security, set_as_default=False, timeout=CONNECT_SECONDS)
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError) as error:
        if client is not None:
            client.close()
        lacks = "has no worker" if client is not None else "does not answer"
        raise PassingError(f"The Dask scheduler at {of.address} {lacks}. Start it, and try again.") from error
    with client:
        yield client
        if in_flow_run():
            _let_all_be_sent(client)


def _let_all_be_sent(client: Any) -> None:
    """Let each worker send Prefect its logs and events: one that ends takes with it what was not sent."""
    from distributed import wait

    addresses = client.scheduler_info(n_workers=-1)["workers"]
    sending = [client.submit(all_sent, SEND_SECONDS, workers=[one], pure=False) for one in addresses]
    with client.as_current(), suppress(OSError):
        wait(sending, timeout=2 * SEND_SECONDS)
