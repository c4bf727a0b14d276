"""What holds for the files that take whole flows elsewhere: two Celery workers, workers in Kubernetes."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

FILES = ("docker-compose.yaml", "docker/scale.yaml")
BASE, SCALE = ({**yaml.safe_load(Path(name).read_text())["services"]} for name in FILES)
ADDED = ("airflow-worker", "object-store")
MANIFESTS: list[dict[str, Any]] = [*yaml.safe_load_all(Path("docker/kubernetes.yaml").read_text())]


@pytest.fixture(scope="module")
def merged() -> dict[str, Any]:
    """The services as docker-compose reads both files."""
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed")
    words = [word for name in FILES for word in ("-f", name)]
    done = subprocess.run(["docker-compose", *words, "config"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


@pytest.mark.parametrize("name", ADDED)
def test_each_service_that_is_added_gives_up_its_rights_and_has_limits(name: str) -> None:
    service = SCALE[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["interval"] == "60s"
    assert "ports" not in service


def test_every_image_is_built_with_what_workers_need() -> None:
    built = {name for name, service in BASE.items() if "build" in service}
    assert set(SCALE) == built | {*ADDED}
    pins = {"AIRFLOW": "requirements-airflow-scale.txt", "PIPELINE": "requirements-scale.txt"}
    for service in SCALE.values():
        assert pins.items() <= service["build"]["args"].items()
    assert "apache-airflow-providers-celery==" in Path(pins["AIRFLOW"]).read_text()
    assert "\nobstore==" in Path(pins["PIPELINE"]).read_text()
    assert "celery" not in Path("requirements-airflow.txt").read_text()


def test_the_scaled_pins_are_those_of_one_machine_and_more() -> None:
    for scaled, alone in (("requirements-scale.txt", "requirements.txt"),
                          ("requirements-airflow-scale.txt", "requirements-airflow.txt")):  # fmt: skip
        assert pins_of(alone).items() <= pins_of(scaled).items()


def pins_of(path: str) -> dict[str, str]:
    """Version by package, of those that every Python takes."""
    pinned = re.findall(r"^([\w.\[\]-]+)==(\S+) \\$", Path(path).read_text(), flags=re.M)
    return dict(pinned)


def test_two_workers_run_what_the_scheduler_hands_out(merged: dict[str, Any]) -> None:
    assert merged["airflow-worker"]["scale"] == 2
    of_airflow = [one for one in merged.values() if "AIRFLOW__CORE__EXECUTOR" in one.get("environment", {})]
    assert len(of_airflow) == 6
    assert {one["environment"]["AIRFLOW__CORE__EXECUTOR"] for one in of_airflow} == {"CeleryExecutor"}


@pytest.mark.parametrize("name", ["airflow-worker", "prefect-deployments"])
def test_what_runs_the_pipeline_keeps_its_results_in_the_store(merged: dict[str, Any], name: str) -> None:
    service = merged[name]
    assert service["environment"]["VINTAGE_DATAMART"] == "s3://lake/datamart"
    assert service["environment"]["VINTAGE_MODEL_STORE"] == "s3://lake/model_store"
    assert service["environment"]["AWS_ENDPOINT_URL"] == "http://object-store:9000"
    assert "store" in service["networks"]
    assert [volume for volume in service["volumes"] if ":/keys/store" in str(volume).replace("'", "")]


def test_no_service_is_given_a_password_or_a_key_by_its_environment(merged: dict[str, Any]) -> None:
    names = {name for service in merged.values() for name in service.get("environment", {})}
    assert {name for name in names if any(word in name for word in ("SECRET", "ACCESS_KEY", "PASSWORD"))} == {
        "ADMIN_PASSWORD",  # empty unless the user names one
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
    }


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_a_manifest_is_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_a_manifest_with_a_word_that_kubernetes_does_not_know_is_found() -> None:
    wrong = {**MANIFESTS[1], "spec": {**MANIFESTS[1]["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_workers_in_kubernetes_are_not_root_and_read_what_is_secret_from_a_secret() -> None:
    pod = MANIFESTS[1]["spec"]["template"]["spec"]
    (worker,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert worker["securityContext"]["readOnlyRootFilesystem"]
    assert worker["command"][:3] == ["/opt/vintage/bin/prefect", "worker", "start"]
    named = {word for manifest in MANIFESTS for word in manifest.get("data", {})}
    assert [word for word in named if "KEY" in word or "SECRET" in word or "AUTH" in word] == []
