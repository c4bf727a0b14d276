"""Settings of one run: read once from the environment at a flow's first line, then passed down."""

import re
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from tasks.errors import UsageError
from tasks.lender.current import serve
from tasks.lender.reading import find_declaration, read_lender
from tasks.place import Place, as_place

RESERVED_GB = 2.0  # of addresses: what the libraries reserve before work begins; with less they spin or abort
LABEL_RULE = ("label_mob", "label_dpd")
# What shapes a result: kept on record beside the models, whatever the environment says later.
RECORDED = (
    *LABEL_RULE,
    "first_training_cohorts",
    "retrain_every_cohorts",
    "oot_cohorts",
    "trials",
    "seed",
    "auto_approve",
    "cutoff_pd",
)


APlace = Annotated[Place, BeforeValidator(as_place), PlainSerializer(str)]


def unreadable_sign(table: Path) -> str | None:
    """A sign in the whole path of a Delta table that Polars or delta-rs take for something else, if any."""
    return next((sign for sign in "=%[]^|" if sign in str(table.absolute())), None)


class Settings(BaseSettings):
    """Where things lie and how the loop is paced; each value can be set as `VINTAGE_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="VINTAGE_", frozen=True)

    data: APlace = Field(default=Path("data"), description="folder, or URI, with the lender's files")
    lender: Path | None = Field(
        default=None,
        description="file that declares the lender, instead of lender.toml in the data folder",
    )
    datamart: APlace = Field(
        default=Path("datamart"), description="folder, or URI, of the Delta tables and reports"
    )
    model_store: APlace = Field(
        default=Path("model_store"), description="folder, or URI, of the models and their registry"
    )

    restate: bool = Field(default=False, description="take changed rows of a month that is published")
    allow_volume: bool = Field(default=False, description="take a month with an unusual number of rows")

    memory_gb: float = Field(
        default=3.0,
        ge=1,
        description="memory that taking in a month may need; a larger one comes in by pieces",
    )

    run_tag: str = Field(default="", description="tag of the Prefect runs: the id of the run that called us")

    label_mob: int = Field(default=6, ge=1, description="months on book at which a loan's label is read")
    label_dpd: int = Field(default=30, ge=1, description="days past due that count as default")

    policy: Path = Field(
        default=Path(__file__).parents[1] / "governance" / "policy.toml",
        description="file of the monitoring policy",
    )
    sources: Path = Field(
        default=Path(__file__).parents[1] / "governance" / "sources.toml",
        description="file that declares the sources",
    )
    registry_key: Path | None = Field(
        default=None, description="file of the key that signs the registry; none: lines are not signed"
    )
    first_training_cohorts: int = Field(default=6, ge=3, description="ripe cohorts before the first model")
    retrain_every_cohorts: int = Field(
        default=3, ge=1, description="newly ripe cohorts before the next challenger"
    )
    oot_cohorts: int = Field(default=3, ge=1, description="newest ripe cohorts kept out of time")
    trials: int = Field(default=8, ge=1, description="Optuna trials per model family")
    seed: int = Field(default=0, ge=0, description="seed of the search and of the models")

    cutoff_pd: float | None = Field(
        default=None, gt=0, lt=1, description="PD up to which is approved, instead of the policy's"
    )

    trained_by: str = Field(default="pipeline", min_length=1, description="who trains: may not approve")
    auto_approve: bool = Field(default=True, description="let the gate approve; else a person has to")

    @field_validator("datamart")
    @classmethod
    def _holds_tables(cls, path: Place) -> Place:
        sign = unreadable_sign(path) if isinstance(path, Path) else None
        if sign:
            reason = "tables cannot be kept in {path}, whose name holds a {sign}; choose another folder"
            raise PydanticCustomError("path", reason, {"path": str(path.absolute()), "sign": sign})
        return path

    @field_validator("registry_key", "lender", mode="before")
    @classmethod
    def _none_where_empty(cls, value: object) -> object:
        return value or None

    @property
    def label_def(self) -> str:
        """Name of the label rule, such as `30dpd_6mob`."""
        return label_def(self.label_mob, self.label_dpd)


def held_bytes(memory_gb: float) -> int:
    """Bytes that may be read at once, so that the work on them stays within so much memory (GiB).

    Measured: an idle process takes 0.3 GiB, and six times what is read goes through it.
    """
    return int((memory_gb - 0.3) * 2**30 / 6)


def label_def(label_mob: int, label_dpd: int) -> str:
    """Name of a label rule, such as `30dpd_6mob`."""
    return f"{label_dpd}dpd_{label_mob}mob"


def rule_of(name: str) -> dict[str, int]:
    """The settings of a label rule, by their names, from its name such as `30dpd_6mob`."""
    dpd, mob = re.findall(r"\d+", name)
    return {"label_mob": int(mob), "label_dpd": int(dpd)}


def describe_label(name: str) -> str:
    """A label rule in words, from its name."""
    rule = rule_of(name)
    return f"{rule['label_dpd']} days past due or more at {rule['label_mob']} months on book"


def require_addresses(memory_gb: float) -> None:
    """Do nothing if the process may address what its work takes (`ulimit -v`), GiB.

    Raises: UsageError. A library that is refused an address aborts, or asks for it again without end.
    """
    limit, needed = resource.getrlimit(resource.RLIMIT_AS)[0], memory_gb + RESERVED_GB
    if limit != resource.RLIM_INFINITY and limit < needed * 2**30:
        raise UsageError(
            f"This shell lets a process address {limit / 2**30:.1f} GiB, and work needs {needed:g}: run "
            "ulimit -v unlimited first. Bound the memory by the machine or its containers instead."
        )


def checked_settings(values: Mapping[str, Any]) -> Settings:
    """The settings of the environment with these values over them; this process then serves their lender.

    Where nothing else is said, the label is the one that the lender declares.
    Raises: UsageError for a value that a setting cannot take, and where `ulimit -v` leaves too little;
    PolicyError for a wrong declaration.
    """
    try:
        settings = Settings(**values)
    except ValidationError as error:
        wrong = error.errors()[0]
        name, why = str(wrong["loc"][0]), wrong["msg"][0].lower() + wrong["msg"][1:]
        given_as = f"{name} (VINTAGE_{name.upper()})"
        raise UsageError(f"The setting {given_as} cannot be {wrong['input']}: {why}.") from None
    require_addresses(settings.memory_gb)
    declared = read_lender(find_declaration(settings.data, settings.datamart, settings.lender))
    serve(declared)
    label = {"label_mob": declared.label.mob, "label_dpd": declared.label.dpd}
    given = settings.model_fields_set
    return settings.model_copy(update={name: n for name, n in label.items() if name not in given})
