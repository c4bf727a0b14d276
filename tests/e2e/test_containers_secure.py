"""What the containers may not do: run as root, open a door, reach what they need not, or hold a secret."""

import subprocess

import pytest

from tests.e2e.conftest import Stack
from tests.test_secrets import find_secrets

pytestmark = pytest.mark.e2e


def test_nothing_runs_as_root_and_no_door_is_open(stack: Stack) -> None:
    for container in stack.compose("ps", "-q").split():
        top = docker("top", container, "-o", "pid,uid,args")
        assert {line.split()[1] for line in top.splitlines()[1:]} & {"0"} == set(), top
        ports = docker("port", container)
        assert all("-> 127.0.0.1:" in line for line in ports.splitlines()), ports


def docker(*words: str) -> str:
    """What docker prints; nothing for a container that has ended."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("service", "host", "port"),
    [
        ("prefect", "airflow-apiserver", "8080"),
        ("airflow-dag-processor", "prefect", "4200"),
    ],
)
def test_services_do_not_reach_what_they_need_not(stack: Stack, service: str, host: str, port: str) -> None:
    tried = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
    with pytest.raises(AssertionError, match=r"gaierror|TimeoutError"):
        stack.compose("exec", service, "python3", "-c", tried, host, port)


def test_what_runs_the_pipeline_has_no_secret_in_its_environment(stack: Stack) -> None:
    assert stack.password not in stack.compose("exec", "airflow-scheduler", "env")
    with pytest.raises(AssertionError, match="No such file"):
        stack.compose("exec", "airflow-scheduler", "cat", "/keys/postgres/password")


def test_what_loads_models_cannot_read_the_keys_that_its_user_can(stack: Stack) -> None:
    key = "/keys/airflow/jwt"
    without = ["python3", "/opt/bin/without_keys.py", "/keys"]
    for path in (key, "/proc/1/environ"):
        assert stack.compose("exec", "airflow-scheduler", "as-owner", "cat", path)
        with pytest.raises(AssertionError, match="Permission denied"):
            stack.compose("exec", "airflow-scheduler", "as-owner", *without, "cat", path)
    command = f"VINTAGE_POLICY={key} exec as-owner vintage policy check"
    with pytest.raises(AssertionError, match="Permission denied"):
        stack.compose("exec", "airflow-scheduler", "sh", "-c", command)


def test_the_image_holds_no_secret_no_compiler_and_no_cache(stack: Stack) -> None:
    container = stack.compose("ps", "-q", "airflow-scheduler").strip()
    image = docker("inspect", "--format", "{{.Image}}", container).strip()
    look = (
        "ls -d /root/.cache /root/.config /home/* /etc/pip.conf /opt/*/pip.conf 2>/dev/null; which gcc cc uv"
    )
    assert docker("run", "--rm", image, "sh", "-c", look) == ""
    ours = "cat $(find /opt/app /opt/bin /opt/airflow_dags -type f ! -name '*.pyc')"
    text = docker("run", "--rm", image, "sh", "-c", ours)
    assert find_secrets(docker("history", "--no-trunc", image) + docker("inspect", image) + text) == []
