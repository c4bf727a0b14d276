"""Faults of a few rows in the last month: cells that say something else, rows twice or not at all."""

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from simulator.faults.csv_text import in_last_month, pick_rows, put, read_text, write_text
from simulator.faults.files import Fault
from simulator.layout import ATTRIBUTES_FILE, CLICKSTREAM_FILE, FINANCIALS_FILE, LOANS_FILE


def cells(file: str, column: str, *values: str | None, where: pl.Expr | None = None) -> Fault:
    """Return a fault that puts `values` in turn into a few cells of the last month (only rows of `where`)."""

    def plant(folder: Path, chance: np.random.Generator) -> None:
        frame = read_text(folder / file)
        mask = in_last_month(frame)
        if where is not None:
            mask = mask & frame.select(kept=where.fill_null(value=False))["kept"]
        write_text(put(frame, column, pick_rows(mask, chance), values), folder / file)

    spelled = " or ".join("nothing" if value is None else repr(value) for value in values)
    plant.__doc__ = f"{column} says {spelled} in a few of the last month's rows of {file}."
    return plant


def added(file: str, column: str, amount: float, where: pl.Expr | None = None) -> Fault:
    """Return a fault that adds `amount` to a few cells of the last month."""

    def plant(folder: Path, chance: np.random.Generator) -> None:
        frame = read_text(folder / file)
        mask = in_last_month(frame)
        if where is not None:
            mask = mask & frame.select(kept=where.fill_null(value=False))["kept"]
        rows = pick_rows(mask, chance)
        raised = [str(float(frame[column][row]) + amount) for row in rows]
        write_text(put(frame, column, rows, raised), folder / file)

    plant.__doc__ = f"{column} is {amount:g} too high in a few of the last month's rows of {file}."
    return plant


def repeat_rows(folder: Path, chance: np.random.Generator) -> None:
    """18: a few rows of the financials come twice."""
    frame = read_text(folder / FINANCIALS_FILE)
    again = frame[pick_rows(in_last_month(frame), chance)]
    write_text(pl.concat([frame, again]), folder / FINANCIALS_FILE)


def contradict_rows(folder: Path, chance: np.random.Generator) -> None:
    """19: a few customers have a second row in the financials that says another debt."""
    frame = read_text(folder / FINANCIALS_FILE)
    again = frame[pick_rows(in_last_month(frame), chance)].with_columns(Outstanding_Debt=pl.lit("1234.56"))
    write_text(pl.concat([frame, again]), folder / FINANCIALS_FILE)


def leave_first_day(folder: Path, chance: np.random.Generator) -> None:
    """22: a few rows of the financials are dated the 17th of the last month."""
    frame = read_text(folder / FINANCIALS_FILE)
    rows = pick_rows(in_last_month(frame), chance)
    days = [frame["snapshot_date"][row][:8] + "17" for row in rows]
    write_text(put(frame, "snapshot_date", rows, days), folder / FINANCIALS_FILE)


def share_number(folder: Path, chance: np.random.Generator) -> None:
    """27: a few customers have the SSN of another."""
    frame = read_text(folder / ATTRIBUTES_FILE)
    rows = pick_rows(in_last_month(frame), chance)
    write_text(put(frame, "SSN", rows, ["123-45-6789"]), folder / ATTRIBUTES_FILE)


def spoil_column(folder: Path, chance: np.random.Generator) -> None:
    """47: three fifths of the last month's Outstanding_Debt cannot be read."""
    frame = read_text(folder / FINANCIALS_FILE)
    mask = in_last_month(frame)
    rows = pick_rows(mask, chance, few=-(-int(mask.sum()) * 3 // 5))
    write_text(put(frame, "Outstanding_Debt", rows, ["unreadable"]), folder / FINANCIALS_FILE)


def lose_or_repeat_mob(folder: Path, chance: np.random.Generator) -> None:
    """57: MOB 6 is missing for a few loans of the last month, and there twice for a few others."""
    frame = read_text(folder / LOANS_FILE)
    month, mob = in_last_month(frame), frame["installment_num"]
    frame = put(frame, "installment_num", pick_rows(month & (mob == "7"), chance), ["6"])
    lost = pick_rows(month & (mob == "6"), chance)
    write_text(
        frame.with_row_index("place").filter(~pl.col("place").is_in(lost)).drop("place"), folder / LOANS_FILE
    )


def flip_labels(folder: Path, chance: np.random.Generator) -> None:
    """65: a few good loans of the first cohort that reached MOB 6 stopped paying after MOB 4 after all."""
    frame = read_text(folder / LOANS_FILE)
    mob, number = pl.col("installment_num").cast(pl.Int64, strict=False), pl.col("loan_id")
    paid_up = (mob == 6) & (pl.col("overdue_amt") == "0.0")
    first = pl.col("snapshot_date") == pl.col("snapshot_date").filter(paid_up).min()
    good = frame.select(kept=(paid_up & first).fill_null(value=False))["kept"]
    flipped = number.is_in([frame["loan_id"][row] for row in pick_rows(good, chance)]) & (mob > 4)
    owed = pl.format("{}.0", (mob - 4) * 1000)
    restated = {"paid_amt": pl.lit("0.0"), "overdue_amt": owed, "balance": pl.lit("6000.0")}
    changes = {name: pl.when(flipped).then(cell).otherwise(pl.col(name)) for name, cell in restated.items()}
    write_text(frame.with_columns(**changes), folder / LOANS_FILE)


def end_early(folder: Path, chance: np.random.Generator) -> None:
    """66: a few loans that are at MOB 6 in the last month have no rows after MOB 3: written off."""
    frame = read_text(folder / LOANS_FILE)
    rows = pick_rows(in_last_month(frame) & (frame["installment_num"] == "6"), chance)
    ended = pl.col("loan_id").is_in([frame["loan_id"][row] for row in rows])
    late = pl.col("installment_num").cast(pl.Int64, strict=False) > 3
    write_text(frame.filter(~(ended & late)), folder / LOANS_FILE)


def _in_debt() -> pl.Expr:
    return pl.col("Num_of_Loan").str.strip_chars_end("_").cast(pl.Int64, strict=False) > 0


ROW_FAULTS: Final[dict[int, Fault]] = {
    16: cells(FINANCIALS_FILE, "Customer_ID", None),
    17: cells(FINANCIALS_FILE, "Customer_ID", "CUS_12", "cus-0x1f", "0x1234"),
    18: repeat_rows,
    19: contradict_rows,
    20: cells(FINANCIALS_FILE, "snapshot_date", "31/12/2023"),
    21: cells(FINANCIALS_FILE, "snapshot_date", "2099-01-01"),
    22: leave_first_day,
    23: cells(FINANCIALS_FILE, "snapshot_date", "2023-02-30"),
    24: cells(ATTRIBUTES_FILE, "Age", "-500", "3843_"),
    25: cells(ATTRIBUTES_FILE, "Age", "40_", "15"),
    26: cells(ATTRIBUTES_FILE, "SSN", "#F%$D@*&8"),
    27: share_number,
    28: cells(ATTRIBUTES_FILE, "Occupation", "_______"),
    29: cells(ATTRIBUTES_FILE, "Occupation", "Astronaut"),
    30: cells(ATTRIBUTES_FILE, "Name", '=HYPERLINK("http://example.invalid")', "Line\nbreak"),
    31: cells(FINANCIALS_FILE, "Annual_Income", "52312.68_"),
    32: cells(FINANCIALS_FILE, "Annual_Income", "23834698.0"),
    33: cells(FINANCIALS_FILE, "Amount_invested_monthly", "__10000__"),
    34: cells(FINANCIALS_FILE, "Monthly_Balance", "__-333333333333333333333333333__"),
    35: cells(FINANCIALS_FILE, "Credit_Mix", "_"),
    36: cells(FINANCIALS_FILE, "Changed_Credit_Limit", "_"),
    37: cells(FINANCIALS_FILE, "Payment_Behaviour", "!@9#%8"),
    38: cells(FINANCIALS_FILE, "Payment_of_Min_Amount", "NM"),
    39: cells(FINANCIALS_FILE, "Credit_History_Age", "10 Years and 9 Months"),
    40: cells(FINANCIALS_FILE, "Credit_History_Age", "10 Years and 13 Months", "NA"),
    41: cells(FINANCIALS_FILE, "Num_of_Loan", "-100"),
    42: cells(FINANCIALS_FILE, "Interest_Rate", "5789"),
    43: cells(FINANCIALS_FILE, "Num_Bank_Accounts", "-1"),
    44: cells(FINANCIALS_FILE, "Type_of_Loan", None, where=_in_debt()),
    45: cells(FINANCIALS_FILE, "Outstanding_Debt", "NaN", "inf", "1e309"),
    46: cells(FINANCIALS_FILE, "Outstanding_Debt", "1,234.50"),
    47: spoil_column,
    51: cells(CLICKSTREAM_FILE, "fe_3", "n/a", "12x"),
    54: added(LOANS_FILE, "balance", 500.0),
    55: added(LOANS_FILE, "overdue_amt", 250.0),
    56: cells(LOANS_FILE, "installment_num", "9", where=pl.col("installment_num").is_in(["1", "2", "3"])),
    57: lose_or_repeat_mob,
    61: cells(LOANS_FILE, "paid_amt", "-1000.0", where=pl.col("installment_num") != "0"),
    62: cells(LOANS_FILE, "installment_num", "11", where=pl.col("installment_num") != "0"),
    63: cells(LOANS_FILE, "loan_start_date", "2019-01-01", where=pl.col("installment_num") != "0"),
    65: flip_labels,
    66: end_early,
}
