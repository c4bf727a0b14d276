"""The declaration of sources: where each lies, what it is keyed by, and when a row of it is known."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

OWN = ("clickstream", "attributes", "financials", "loans")
MAY_RETIRE = ("clickstream", "financials")  # of our own: without one of the others no application is scored
# Names that would be taken for a part of a model, or for what predictions say of a complete application.
RESERVED = ("linear", "boosted", "evidence", "profile", "none", "ours", "all")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Declared(BaseModel):
    """One source. A row dated `date` is known `delay_days` later, and says nothing `valid_days` after that.

    Its columns are prefixed by the name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    owner: Annotated[str, Field(min_length=1)]
    where: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
    format: Literal["csv", "parquet", "delta"]
    key: Annotated[str, Field(min_length=1)]
    matches: Literal["customer_id", "loan_id"]
    date: Annotated[str, Field(min_length=1)]
    delay_days: Annotated[int, Field(ge=0, le=3660)] = 0
    valid_days: Annotated[int, Field(ge=0, le=3660)] = 62

    @property
    def own(self) -> bool:
        """Whether it is one of the lender's four files, which have rules of their own in tasks/schemas."""
        return self.name in OWN

    @field_validator("name")
    @classmethod
    def is_a_name_of_its_own(cls, name: str) -> str:
        """Names begin those of features, and stand next to those of parts and of choices."""
        if not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            raise ValueError(f"{name!r} is not of small letters and digits, with an underscore between words")
        if name in RESERVED:
            raise ValueError(f"the name {name!r} means something else already; choose another")
        return name

    @model_validator(mode="after")
    def own_files_are_csv_of_the_day(self) -> "Declared":
        """The four files come in as the lender sends them: only their places and owners may differ."""
        key = "loan_id" if self.name == "loans" else "Customer_ID"
        fixed = {
            "format": "csv",
            "key": key,
            "matches": key.lower(),
            "date": "snapshot_date",
            "delay_days": 0,
        }
        for name, value in fixed.items() if self.own else ():
            if getattr(self, name) != value:
                raise ValueError(f"{self.name} is one of the four files, and its {name} is {value}")
        return self


class Declarations(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: tuple[Declared, ...]

    @model_validator(mode="after")
    def each_once_and_the_own_ones_there(self) -> "Declarations":
        """Names are ids; the loop cannot run without the four files."""
        names = [source.name for source in self.source]
        twice = sorted({name for name in names if names.count(name) > 1})
        missing = [name for name in OWN if name not in names]
        if twice:
            raise ValueError(f"the source {twice[0]!r} is there twice")
        if missing:
            raise ValueError(f"the lender's own source {missing[0]!r} is not declared")
        return self
