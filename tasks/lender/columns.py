"""What `lender.toml` says of a column, and of a feature that is made of the columns of a row."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tasks.lender.expressions import Sql

ColumnType = Literal["number", "whole number", "word", "text", "list of words", "duration", "date", "id"]
Decimal = Literal["", ".", ","]  # sign before the fraction, "" where it is not said
NUMBERS: tuple[ColumnType, ...] = ("number", "whole number", "duration")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class Strict(BaseModel):
    """A table of the file, of which each word is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, validate_default=True)


class Column(Strict):
    """A column of a file. Without `called`, ours is its name in small letters.

    A cell outside `limits`, not of the `pattern`, or among `nulls`, means nothing: null. `bands` are where
    the groups of a protected number begin. A row that lacks what is `required` is set aside; of a
    loan tape, that is every column that the loop knows by name, unless it says otherwise.
    """

    type: ColumnType
    called: Annotated[str, Field(alias="as")] = ""
    meaning: str = ""
    unit: str = ""
    limits: tuple[float, float] | None = None
    pattern: str = ""
    nulls: Words = ()
    words: tuple[str, ...] = ()
    none_when: Sql = ""
    required: bool | None = None
    personal: bool = False
    protected: bool = False
    bands: tuple[int, ...] = ()
    risk: Literal["", "rises", "falls"] = ""
    reason: str = ""
    feature: bool = True

    @model_validator(mode="after")
    def words_fit_the_type(self) -> "Column":
        """What is said of a column must mean something for its type."""
        numeric = self.type in NUMBERS
        for name in ("limits", "risk", "bands"):
            if getattr(self, name) and not numeric:
                raise ValueError(f"{name} is said of a number, and its type is {self.type!r}")
        if self.type == "list of words" and not self.words:
            raise ValueError("a list of words names its `words`, each of which is counted as a feature")
        if self.protected and numeric and not self.bands:
            raise ValueError("a protected number says in `bands` where its groups begin, such as [0, 25, 50]")
        if self.protected and (self.personal or not (numeric or self.type == "word")):
            raise ValueError(
                "fairness is measured between the groups of a protected column: it is a number or a word and "
                "not personal, since what is personal stays in silver"
            )
        return self

    @property
    def is_feature(self) -> bool:
        """Whether it may be one by itself: numbers and words that are not personal."""
        return self.feature and not self.personal and self.type in (*NUMBERS, "word")

    @property
    def may_be_empty(self) -> bool:
        """Whether most cells of a good delivery may be so."""
        return self.type == "list of words" or self.required is False


class Derived(Strict):
    """A feature made of the columns of one row by an `sql` expression."""

    sql: Annotated[Sql, Field(min_length=1)]
    meaning: str = ""
    reason: str = ""
    risk: Literal["", "rises", "falls"] = ""
