"""The declaration of sources: where each lies, what it is keyed by, and when a row of it is known."""

import re
from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tasks.lender.current import lender
from tasks.lender.declaration import CUSTOMER, DATE, RESERVED, LenderSource


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
        """Whether it is one of the lender's own files, which `lender.toml` declares."""
        return self.name in own_names()

    @field_validator("name")
    @classmethod
    def is_a_name_of_its_own(cls, name: str) -> str:
        """Names begin those of features, and stand next to those of parts and of choices."""
        if not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            raise ValueError(f"{name!r} is not of small letters and digits, with an underscore between words")
        if name in RESERVED:
            raise ValueError(f"the name {name!r} means something else already; choose another")
        return name


@cache
def declare_own(source: LenderSource) -> Declared:
    """One of the lender's own sources in the words of all sources."""
    key = "loan_id" if source.role == "loan tape" else CUSTOMER
    return Declared(
        name=source.name,
        owner=source.owner,
        where=source.files,
        format=source.format,
        key=source.theirs[key],
        matches=key,
        date=source.theirs[DATE],
        delay_days=source.delay_days,
    )


def own_names() -> list[str]:
    """Names of the lender's own sources."""
    return [source.name for source in lender().sources]


class Declarations(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: tuple[Declared, ...] = ()

    @model_validator(mode="after")
    def each_once_and_own_ones_as_they_are(self) -> "Declarations":
        """Names are ids. Of an own source, which older files declare too, only place and owner may differ."""
        names = [source.name for source in self.source]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the source {twice[0]!r} is there twice")
        own = {source.name: declare_own(source) for source in lender().sources}
        for source in self.source:
            for name in ("format", "key", "matches", "date", "delay_days") if source.own else ():
                value = getattr(own[source.name], name)
                if getattr(source, name) != value:
                    raise ValueError(f"{source.name} is one of the lender's files, and its {name} is {value}")
        return self
