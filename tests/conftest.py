"""What holds for every test."""

import atexit
import os
import subprocess
import sys
from collections.abc import Generator
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest

import flows  # noqa: F401 - before Prefect, which reads what it sets
from tasks.config import Settings
from tasks.lender.current import serve
from tasks.lender.reading import REFERENCE, read_lender
from tasks.place import ObjectPlace, Place

serve(read_lender(REFERENCE))  # for what is asked of it when the tests are collected
# As the command line sets it, and before scikit-learn is imported: two threads would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test records in the server of who runs the tests.
PREFECT_HOME = TemporaryDirectory(prefix="prefect-of-tests-")
atexit.register(PREFECT_HOME.cleanup)
os.environ["PREFECT_HOME"] = PREFECT_HOME.name
os.environ.pop("PREFECT_API_URL", None)


@pytest.fixture(scope="module", autouse=True)
def reference_lender() -> None:
    """Each module begins with the reference lender, whichever the one before it served."""
    serve(read_lender(REFERENCE))


@pytest.fixture(scope="session", autouse=True)
def one_fit_at_a_time() -> Generator[None]:
    """A process of the tests has a core to itself, on which two fits would wait for each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.modelling.stacking.AT_A_TIME", 1)
        yield


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Generator[None]:
    """Models learn by few trees."""
    from tasks.modelling.families import FAMILIES  # here, since it imports scikit-learn
    from tests.modelling.few_trees import with_few_trees

    assert isinstance(FAMILIES, dict)
    with pytest.MonkeyPatch.context() as patch:
        for name, family in with_few_trees(FAMILIES).items():
            patch.setitem(FAMILIES, name, family)
        yield


@pytest.fixture(scope="session", autouse=True)
def own_declarations(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """The project's declared sources without what was decided on them: a lender may have taken some in."""
    path = tmp_path_factory.mktemp("governance") / "sources.toml"
    path.write_text(Settings().sources.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VINTAGE_SOURCES", str(path))
        yield path


# In a process of its own: some calls of Delta Lake hold Python's lock while they wait for an answer.
S3_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def s3_server() -> Generator[int]:
    """The port of an S3 server of the tests' own, which holds an empty bucket named lake."""
    words = [sys.executable, "-c", S3_SERVER]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, text=True, **pipes) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = int(server.stdout.readline())
        made = HTTPConnection("127.0.0.1", port)
        made.request("PUT", "/lake")
        made.getresponse().read()
        made.close()
        yield port
        server.stdin.close()
        server.terminate()


@pytest.fixture(scope="session")
def bucket(s3_server: int, tmp_path_factory: pytest.TempPathFactory) -> Generator[ObjectPlace]:
    """The bucket of the server, which the variables of AWS name from now on."""
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_server}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "id-of-the-tests",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield ObjectPlace("s3://lake")


@pytest.fixture(params=["folder", "object store"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place for tables and models: a folder, and then one in an object store."""
    if request.param == "folder":
        return tmp_path
    return request.getfixturevalue("bucket") / uuid4().hex
