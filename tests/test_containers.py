"""What can be told of the containers and DAGs by reading their files."""

import ast
import re
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
    assert service["image"] in ("vintage", "postgres:17")
    assert service["image"] == "postgres:17" or service["read_only"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ("keys", "init", "links")])
def test_each_lasting_service_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_only_the_two_pages_have_a_way_out() -> None:
    closed = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    outward = {name for name in SERVICES if set(SERVICES[name].get("networks", [])) - closed}
    assert outward == {"prefect", "airflow-apiserver"}
    unlisted = {name for name, service in SERVICES.items() if not service.get("networks")}
    assert {SERVICES[name]["network_mode"] for name in unlisted} == {"none"}


def test_the_image_is_built_on_the_agreed_base_and_does_not_run_as_root() -> None:
    dockerfile = Path("Dockerfile").read_text()
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))
    assert bases == {"python:3.12-slim-bookworm", "environments"}
    assert dockerfile.rstrip().endswith("USER vintage")


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_dags_import_airflow_and_nothing_of_ours(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    rooms = {name.split(".")[0] for name in plain | named}
    assert rooms - set(sys.stdlib_module_names) == {"airflow"}
