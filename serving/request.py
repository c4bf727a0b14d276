"""The form of a request, made of the lender's declaration: its sources of applications and their columns.

What is personal, an id or a date of a row is not taken: a name or a national id is an unknown field.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from serving.answers import Application
from tasks.governance.source_log import Kinds
from tasks.lender.columns import Column
from tasks.lender.current import lender
from tasks.lender.declaration import CUSTOMER, DATE, LenderSource
from tasks.schemas.source import MAX_ID
from tasks.text import plain_name

MAX_BATCH = 100
LOAN_ID = r"^[^\x00-\x1f]+$"
MAX_WORD = 200  # characters
MAX_NUMBER = 1e15  # beyond it no amount is meant
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
EXAMPLES: Mapping[str, Any] = {"number": 1234.5, "whole number": 3, "duration": 24, "word": "Teacher"}


class Reason(BaseModel):
    """A group of features that raises the probability of default (UP) or lowers it (DOWN)."""

    code: str
    text: str


class Answer(BaseModel):
    """What the lender is told of an application."""

    request_id: str
    customer_id: str
    loan_id: str | None
    application_date: date
    pd: Annotated[float, Field(ge=0, le=1, description="probability of default")]
    grade: Literal["A", "B", "C", "D", "E", "F", "G"]
    decision: Literal["approve", "decline", "refer"]
    referred_because: list[str]
    reasons: Annotated[list[Reason], Field(max_length=4)]
    score_path: Annotated[str, Field(description="`none`, or the missing sources it was scored without")]
    model_id: str
    model_effective_from: date
    policy: str
    policy_digest: str
    cutoff_pd: float
    state_as_of: Annotated[
        dict[str, date | None], Field(description="newest month of each source that was known")
    ]


class Answers(BaseModel):
    """The answers to a batch, in the order of its applications."""

    answers: list[Answer]


class Change(BaseModel):
    """One feature, and the nearest value known of customers that alone would give the better grade."""

    feature: str
    now: float | str
    then: float | str
    grade: str
    pd: float


class NextGrade(BaseModel):
    """What would have to change for a better grade than today's, one feature alone; no decision."""

    grade: str
    pd: float
    changes: list[Change]


def request_model(others: Mapping[str, Kinds]) -> type[BaseModel]:
    """The form of an application: of the lender's sources, and of `others`, those of other teams in use."""
    fields: dict[str, Any] = {
        "customer_id": (_customer_id(), Field(description="the lender's id of the customer")),
        "loan_id": (
            _or_null(Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=LOAN_ID)]),
            Field(default=None, description="id of the application or loan, where there is one yet"),
        ),
        "application_date": (
            _or_null(Annotated[date, Field(strict=False)]),
            Field(default=None, description="day to stand on: today, or an earlier one to answer again"),
        ),
    }
    for source in lender().applications:
        fields[source.name] = (_model_of(source) | None, Field(default=None, description=_about(source)))
    for name, columns in _others(others).items():
        fields[name] = (columns | None, Field(default=None, description=f"what {name} says now"))
    example: Any = {"customer_id": "CUS_0x2a1f", **{one.name: _example(one) for one in lender().applications}}
    config: ConfigDict = {**STRICT, "json_schema_extra": {"examples": [example]}}
    return create_model("Application", __config__=config, **fields)


def batch_model(application: type[BaseModel]) -> type[BaseModel]:
    """The form of a batch: up to MAX_BATCH applications."""
    one: Any = application
    many: Any = (list[one], Field(min_length=1, max_length=MAX_BATCH))
    return create_model("Batch", __config__=STRICT, applications=many)


def to_application(asked: Any, today: date) -> Application:
    """An application as it is scored.

    Needs:  an instance of `request_model`.
    """
    given = asked.model_dump(exclude_unset=True)
    stated = {name: row for name, row in given.items() if isinstance(row, dict)}
    lists = {
        n for one in lender().applications for n, c in one.by_our_name.items() if c.type == "list of words"
    }
    texts = {
        name: {n: _as_text(value) if n in lists else value for n, value in row.items()}
        for name, row in stated.items()
    }
    return Application(asked.customer_id, asked.loan_id, asked.application_date or today, texts)


def _or_null(kind: Any) -> Any:
    return kind | None


def _as_text(words: Sequence[Any] | None) -> str | None:
    """A list of words as a silver table holds it; one of none says so."""
    return None if words is None else ", ".join(str(word.value) for word in words) or "none"


def taken_columns(source: LenderSource) -> dict[str, Column]:
    """The columns of a source that a request may state, by our names."""
    kept = {name: one for name, one in source.by_our_name.items() if name not in (CUSTOMER, DATE)}
    return {name: one for name, one in kept.items() if not one.personal and one.type != "id"}


def _about(source: LenderSource) -> str:
    return f"what the applicant states now, in the place of what {source.name} held before"


def _model_of(source: LenderSource) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (_type_of(name, one) | None, Field(default=None, description=one.meaning or None))
        for name, one in taken_columns(source).items()
    }
    return create_model(source.name, __config__=STRICT, **fields)


def _type_of(name: str, column: Column) -> Any:
    if column.type in ("whole number", "duration"):
        low, high = column.limits or ((0, 1200) if column.type == "duration" else (-(2**31), 2**31 - 1))
        return Annotated[int, Field(ge=low, le=high)]
    if column.type == "number":
        low, high = column.limits or (-MAX_NUMBER, MAX_NUMBER)
        return Annotated[float, Field(ge=low, le=high)]
    if column.type == "date":
        return Annotated[date, Field(strict=False)]
    if column.type == "list of words":
        words: Any = StrEnum(name, {word: word for word in column.words})
        return Annotated[list[Annotated[words, Field(strict=False)]], Field(max_length=100)]
    return Annotated[str, Field(max_length=MAX_WORD)]


def _others(used: Mapping[str, Kinds]) -> dict[str, type[BaseModel]]:
    """Forms of other teams' sources by name, with their columns as features call them."""
    kinds: dict[str, Any] = {
        "number": _or_null(Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]),
        "word": _or_null(Annotated[str, Field(max_length=MAX_WORD)]),
    }
    columns: dict[str, Any] = {
        source: {plain_name(name): (kinds[kind], None) for name, kind in said.items()}
        for source, said in used.items()
    }
    return {source: create_model(source, __config__=STRICT, **found) for source, found in columns.items()}


def _customer_id() -> Any:
    patterns = {one.by_our_name[CUSTOMER].pattern for one in lender().of_applicants if CUSTOMER in one.theirs}
    pattern = patterns.pop() if len(patterns) == 1 else None
    return Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=pattern or None)]


def _example(source: LenderSource) -> dict[str, Any]:
    some = list(taken_columns(source).items())[:4]
    return {name: _example_of(one) for name, one in some}


def _example_of(column: Column) -> Any:
    if column.type == "list of words":
        return list(column.words[:1])
    if column.limits and column.type != "number":
        return int(sum(column.limits) / 2)
    return EXAMPLES.get(column.type)
