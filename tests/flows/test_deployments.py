"""The forms by which people start the flows on Prefect's page."""

from datetime import date
from importlib import import_module

import pytest
from prefect.exceptions import ParameterTypeError
from prefect.types.entrypoint import EntrypointType

from flows import deployments
from flows.backfill import FLOWS
from tasks.errors import UsageError


@pytest.mark.parametrize("name", [*FLOWS, "backfill"])
def test_a_process_that_runs_a_deployment_finds_its_flow(name: str) -> None:
    form = getattr(deployments, name)
    deployed = form.to_deployment("vintage", entrypoint_type=EntrypointType.MODULE_PATH)
    module, _, attribute = str(deployed.entrypoint).rpartition(".")
    assert getattr(import_module(module), attribute) is form


@pytest.mark.parametrize("name", FLOWS)
def test_the_form_of_a_flow_asks_for_the_first_of_a_month_alone(name: str) -> None:
    properties = getattr(deployments, name).parameters.properties
    assert list(properties) == ["snapshot_date"]
    assert properties["snapshot_date"]["pattern"] == r"^\d{4}-\d{2}-01$"
    assert properties["snapshot_date"]["description"] == "First of a month, as 2024-03-01."


def test_another_day_is_refused_with_the_day_that_was_meant() -> None:
    with pytest.raises(
        ParameterTypeError, match="2024-03-02 is not the first of a month; did you mean 2024-03-01"
    ):
        deployments.features.validate_parameters({"snapshot_date": "2024-03-02"})


def test_a_flow_that_is_not_there_is_refused() -> None:
    asked = {"start": "2024-03-01", "end": "2024-03-01", "flows": ["scoring"]}
    with pytest.raises(ParameterTypeError, match="flows"):
        deployments.backfill.validate_parameters(asked)


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(UsageError, match="swap them"):
        deployments.backfill.fn(date(2024, 3, 1), date(2024, 2, 1))
