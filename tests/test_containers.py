"""What holds for the containers and DAGs, by their files alone."""

import ast
import ctypes
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

COMPOSE: dict[str, Any] = yaml.safe_load(Path("docker-compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DAGS = sorted(Path("airflow_dags").glob("*.py"))


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_gives_up_its_rights_and_has_limits(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert service["pids_limit"]
    # Without a name of its own the image is the project's: two checkouts do not overwrite each other's.
    assert service.get("image") == "${POSTGRES_IMAGE:-postgres:17}" or service["build"]["context"] == "."
    assert "image" in service or service["read_only"]
    assert all("size=" in place for place in service.get("tmpfs", []))


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ("keys", "init", "links")])
def test_each_lasting_service_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["healthcheck"]["interval"] == "60s"  # each starts a process


def test_only_the_two_pages_and_the_scoring_service_have_a_way_out() -> None:
    closed = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    outward = {name for name in SERVICES if set(SERVICES[name].get("networks", [])) - closed}
    assert outward == {"prefect", "airflow-apiserver", "serve"}
    unlisted = {name for name, service in SERVICES.items() if not service.get("networks")}
    assert {SERVICES[name]["network_mode"] for name in unlisted} == {"none"}


def test_all_that_the_image_is_built_from_is_let_in() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", Path("Dockerfile").read_text(), flags=re.M)
    let_in = {line[1:] for line in Path(".dockerignore").read_text().splitlines() if line.startswith("!")}
    args = {"${AIRFLOW}": "requirements-airflow.txt", "${PIPELINE}": "requirements.txt"}
    found = {args.get(name, name) for names in copied for name in names.split()}
    assert found == let_in - {"requirements-scale.txt", "requirements-airflow-scale.txt"}
    given = re.findall(r"^ARG (AIRFLOW=.*)$", Path("Dockerfile").read_text(), flags=re.M)
    assert given == [" ".join(f"{name[2:-1]}={pins}" for name, pins in args.items())]


def test_the_image_is_built_on_the_agreed_base_and_does_not_run_as_root() -> None:
    dockerfile = Path("Dockerfile").read_text()
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))
    assert bases == {"${PYTHON_IMAGE}", "environments"}
    asked = {service["build"]["args"]["PYTHON_IMAGE"] for service in SERVICES.values() if "build" in service}
    assert asked == {"${PYTHON_IMAGE:-python:3.12-slim-bookworm}"}
    assert "ARG PYTHON_IMAGE=python:3.12-slim-bookworm\n" in dockerfile
    assert dockerfile.rstrip().endswith("USER vintage")


def test_nothing_is_installed_without_its_hash() -> None:
    for path in ("Dockerfile", "Makefile"):
        lines = [line for line in Path(path).read_text().splitlines() if "pip install" in line]
        assert lines
        assert [line for line in lines if "--require-hashes" not in line and "--no-deps" not in line] == []


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_dags_import_airflow_and_nothing_of_ours(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    rooms = {name.split(".")[0] for name in plain | named}
    assert rooms - set(sys.stdlib_module_names) - {"command"} == {"airflow"}


def test_the_months_of_the_dags_lie_in_airflow_alone() -> None:
    """Init and the DAG vintage_months write the variable that `command.py` reads; no file is shared."""
    (name,) = re.findall(r'^MONTHS = "(\w+)"$', Path("airflow_dags/command.py").read_text(), flags=re.M)
    assert f'Variable.set("{name}"' in Path("docker/airflow_start.py").read_text()
    assert "Variable.set(MONTHS" in Path("airflow_dags/vintage_months.py").read_text()
    assert "months" not in COMPOSE["volumes"]


def has_landlock() -> bool:
    """Whether the kernel can take rights from a process: it gives its version of Landlock, from 1 on."""
    return ctypes.CDLL(None).syscall(444, None, 0, 1) > 0


@pytest.mark.skipif(not has_landlock(), reason="the kernel has no Landlock")
def test_a_command_without_keys_reads_all_but_the_folder(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret")

    def read(path: Path | str) -> str:
        hidden = f"/{tmp_path.parts[1]}"
        command = [sys.executable, "docker/without_keys.py", hidden, "cat", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert "Permission denied" in read(key)
    assert read("/etc/passwd") == Path("/etc/passwd").read_text()


def test_the_pipeline_runs_without_the_keys() -> None:
    last = Path("docker/vintage").read_text().splitlines()[-1]
    assert "without_keys.py /keys /opt/vintage/bin/python -m flows" in last
