"""What `lender.toml` says: the lender, its label, and its sources with their columns, rules and features.

`docs/lender.md` explains every word. SQL expressions are Polars SQL over our names of the columns of one row.
"""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, model_validator

from tasks.lender.columns import NUMBERS, Column, Decimal, Derived, Strict, Words
from tasks.lender.expressions import BEFORE, Sql, require_columns
from tasks.lender.tape import ARREARS_COLUMNS, TAPE, ArrearsBy, require_tape_columns
from tasks.text import plain_name

Role = Literal["loan tape", "application", "history"]
Calendar = Literal["month start", "month end", "any day"]
CUSTOMER, DATE = "customer_id", "snapshot_date"
TAPE_NAME = "loans"  # of the source whose rows are the lender's loans
NAME = "^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
# Names that would be taken for a part of a model, or for what predictions say of a complete application.
RESERVED = ("linear", "boosted", "evidence", "profile", "none", "ours", "all")


class LenderSource(Strict):
    """One of the lender's files. Of several names in `files` one is there; of a `pattern`, all that fit it.

    `header` names the columns of a file that has no header. Rows for which `only` does not hold, an SQL
    expression over the texts of the file, are of another product, and not looked at. `rules` hold of every
    row by SQL, in which <column>_before is what the loan's row of the month before said. Rows of
    applications are of the day of the loan, unless they are dated `before_the_loan`, days or months.
    """

    name: Annotated[str, Field(pattern=NAME)]
    role: Role
    owner: Annotated[str, Field(min_length=1)]
    files: Annotated[Words, Field(min_length=1)]
    format: Literal["csv", "parquet", "delta"] = "csv"
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Decimal = ""
    encoding: str = "utf-8"
    header: tuple[str, ...] = ()
    dates: str = ""
    only: Sql = ""
    delay_days: Annotated[int, Field(ge=0, le=3660)] = 0
    before_the_loan: bool = False
    may_be_missing: bool = False
    reason: str = ""
    columns: Annotated[dict[str, Column], Field(min_length=1)]
    features: dict[Annotated[str, Field(pattern=NAME)], Derived] = Field(default_factory=dict)
    rules: dict[Annotated[str, Field(pattern=NAME)], Sql] = Field(default_factory=dict)

    def __hash__(self) -> int:
        """Of this very declaration: what is made of it is made once."""
        return id(self)

    @property
    def every_month(self) -> bool:
        """Whether it must have rows of each month in which loans start."""
        return self.role != "history" and not self.before_the_loan

    @cached_property
    def ours(self) -> dict[str, str]:
        """Our name of each column of the file, in the file's order."""
        return {name: column.called or plain_name(name) for name, column in self.columns.items()}

    @cached_property
    def theirs(self) -> dict[str, str]:
        """The file's name of each column by ours."""
        return {ours: name for name, ours in self.ours.items()}

    @cached_property
    def by_our_name(self) -> dict[str, Column]:
        """The columns by our names, in the file's order."""
        return {self.ours[name]: column for name, column in self.columns.items()}

    @model_validator(mode="after")
    def has_the_columns_of_its_role(self) -> "LenderSource":
        """The columns that the loop knows by name are there, each once."""
        names = list(self.ours.values())
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two columns are called {name!r}; give one another name with `as`")
        if self.name in RESERVED:
            raise ValueError(f"the name {self.name!r} means something else already; choose another")
        if (self.role == "loan tape") != (self.name == TAPE_NAME):
            raise ValueError(f"the loan tape, and nothing else, has the name {TAPE_NAME!r}")
        if self.role == "loan tape":
            require_tape_columns(names)
        needed = (DATE,) if self.role == "loan tape" else (CUSTOMER, DATE)
        for name in needed:
            if name not in names:
                raise ValueError(f"no column is called {name!r}: give it that name with as = {name!r}")
        if self.before_the_loan and self.role != "application":
            raise ValueError(f"before_the_loan is said of applications, and the role is {self.role!r}")
        if self.role == "history" and not any(one.type in NUMBERS for one in self.feature_columns().values()):
            raise ValueError("a history has a column of numbers, and this one declares none")
        if self.header and not set(self.columns) <= set(self.header):
            raise ValueError(f"header lacks the column {min(set(self.columns) - set(self.header))!r}")
        return self

    @model_validator(mode="after")
    def expressions_read_its_columns(self) -> "LenderSource":
        """What is declared by SQL is of columns that the source's table has."""
        made = {f"the feature {name!r}": one.sql for name, one in self.features.items()}
        empty = {
            f"none_when of {name!r}": one.none_when for name, one in self.columns.items() if one.none_when
        }
        require_columns({**made, **empty}, self.in_table)
        require_columns({"only": self.only} if self.only else {}, set(self.theirs))
        before = {name + BEFORE for name in self.in_table}
        require_columns(
            {f"the rule {name!r}": sql for name, sql in self.rules.items()}, self.in_table | before
        )
        return self

    @cached_property
    def in_table(self) -> set[str]:
        """Our names of the columns of its table; a loan tape's has those that the loop knows by name."""
        return {*self.theirs, *(TAPE if self.role == "loan tape" else ())}

    def feature_columns(self) -> dict[str, Column]:
        """The columns that are features by themselves, by our names; none of a loan tape."""
        known = () if self.role == "loan tape" else self.by_our_name.items()
        return {name: column for name, column in known if column.is_feature and name not in (CUSTOMER, DATE)}

    def watched_columns(self) -> dict[str, Column]:
        """The protected columns that no model learns from, by our names: groups of fairness."""
        return {n: one for n, one in self.by_our_name.items() if one.protected and not one.is_feature}


class Identity(Strict):
    """Who lends: its name, its currency, and on which days it takes its snapshots."""

    name: Annotated[str, Field(min_length=1)]
    currency: str = "account currency"
    calendar: Calendar = "month start"


class Label(Strict):
    """When a loan counts as bad: `dpd` days past due at `mob` months on book; when as closed, by SQL."""

    mob: Annotated[int, Field(ge=1)]
    dpd: Annotated[int, Field(ge=1)]
    closed_when: Sql = "balance = 0 AND paid_amt = 0"


class Arrears(Strict):
    """How the loan tape tells arrears; amounts within `tolerance` for each instalment billed are rounding.

    `status` gives the days past due of each code.
    """

    told_by: ArrearsBy
    tolerance: Annotated[float, Field(ge=0)] = 0.01
    status: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)


class Reason(Strict):
    """What an applicant is told when a group of features raises the probability of default, or lowers it."""

    up: Annotated[str, Field(min_length=1)]
    down: Annotated[str, Field(min_length=1)]


class Lender(Strict):
    """The whole file."""

    lender: Identity
    label: Label
    arrears: Arrears
    reason: dict[Annotated[str, Field(pattern="^[A-Z]+$")], Reason] = Field(default_factory=dict)
    sources: Annotated[
        tuple[LenderSource, ...], Field(validation_alias=AliasChoices("source", "sources"), min_length=1)
    ]

    def __hash__(self) -> int:
        """Of this very declaration: what is made of it is made once."""
        return id(self)

    @cached_property
    def tape(self) -> LenderSource:
        """The loan tape."""
        return next(source for source in self.sources if source.role == "loan tape")

    @cached_property
    def applications(self) -> tuple[LenderSource, ...]:
        """The sources of what was known of an applicant."""
        return tuple(source for source in self.sources if source.role == "application")

    @cached_property
    def histories(self) -> tuple[LenderSource, ...]:
        """The sources with many rows a customer over time."""
        return tuple(source for source in self.sources if source.role == "history")

    @cached_property
    def of_applicants(self) -> tuple[LenderSource, ...]:
        """All but the loan tape, as they are declared."""
        return tuple(source for source in self.sources if source.role != "loan tape")

    @model_validator(mode="after")
    def fits_together(self) -> "Lender":
        """One loan tape, some source of applicants, no name twice, every reason explained."""
        roles = [source.role for source in self.sources]
        if roles.count("loan tape") != 1:
            raise ValueError(f"one source has the role 'loan tape', not {roles.count('loan tape')}")
        if len(roles) < 2:
            raise ValueError("nothing is known of applicants: declare a source of role 'application'")
        _require_once([source.name for source in self.sources], "source")
        _require_once([name for source in self.of_applicants for name in _feature_names(source)], "feature")
        for code in sorted({code for source in self.sources for code in _reasons(source)}):
            if code not in self.reason and code != "OTHER":
                raise ValueError(f"the reason {code!r} is given to a column and has no [reason.{code}]")
        require_columns({"closed_when": self.label.closed_when}, self.tape.in_table)
        column = ARREARS_COLUMNS[self.arrears.told_by]
        for name in column:
            if name not in self.tape.theirs:
                raise ValueError(
                    f"arrears are told by {self.arrears.told_by}, and no column of {self.tape.name} is "
                    f"called {name!r}"
                )
        if self.arrears.told_by == "status" and not self.arrears.status:
            raise ValueError(
                "arrears are told by status, and [arrears.status] says no days past due of a code"
            )
        return self


def _require_once(names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the {what} {name!r} is declared twice; give one another name")


def _feature_names(source: LenderSource) -> list[str]:
    return [*source.feature_columns(), *source.features]


def _reasons(source: LenderSource) -> set[str]:
    said = (one.reason for one in (*source.columns.values(), *source.features.values(), source))
    return {code for code in said if code}
