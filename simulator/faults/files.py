"""Faults of a whole file or a whole column: one small function each, given the folder and the chance."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from simulator.faults.csv_text import in_last_month, pick_rows, put, read_text, write_text, write_whole
from simulator.layout import ATTRIBUTES_FILE, CLICKSTREAM_FILE, FINANCIALS_FILE, LOANS_FILE

Fault = Callable[[Path, np.random.Generator], None]


def leave_out(folder: Path, _: np.random.Generator) -> None:
    """1: the financials are missing."""
    (folder / FINANCIALS_FILE).unlink(missing_ok=True)


def empty(folder: Path, _: np.random.Generator) -> None:
    """2: the financials have zero bytes."""
    write_whole(folder / FINANCIALS_FILE, b"")


def keep_header(folder: Path, _: np.random.Generator) -> None:
    """3: the financials have a header and no rows."""
    write_text(read_text(folder / FINANCIALS_FILE).head(0), folder / FINANCIALS_FILE)


def leave_out_month(folder: Path, _: np.random.Generator) -> None:
    """4: the loan file has no rows of the last month."""
    loans = read_text(folder / LOANS_FILE)
    write_text(loans.filter(~in_last_month(loans)), folder / LOANS_FILE)


def leave_out_column(folder: Path, _: np.random.Generator) -> None:
    """5: the financials have no Outstanding_Debt."""
    write_text(read_text(folder / FINANCIALS_FILE).drop("Outstanding_Debt"), folder / FINANCIALS_FILE)


def rename_column(folder: Path, _: np.random.Generator) -> None:
    """6: the financials call Interest_Rate Intrest_Rate."""
    frame = read_text(folder / FINANCIALS_FILE).rename({"Interest_Rate": "Intrest_Rate"})
    write_text(frame, folder / FINANCIALS_FILE)


def add_column(folder: Path, _: np.random.Generator) -> None:
    """7: the financials have a column nobody asked for."""
    frame = read_text(folder / FINANCIALS_FILE).with_columns(Shoe_Size=pl.lit("42"))
    write_text(frame, folder / FINANCIALS_FILE)


def reorder_columns(folder: Path, _: np.random.Generator) -> None:
    """8: the financials have their columns the other way round."""
    frame = read_text(folder / FINANCIALS_FILE)
    write_text(frame.select(frame.columns[::-1]), folder / FINANCIALS_FILE)


def mark_and_return(folder: Path, _: np.random.Generator) -> None:
    """9: the financials start with a byte-order mark and end lines with CRLF."""
    path = folder / FINANCIALS_FILE
    write_whole(path, b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))


def write_latin(folder: Path, chance: np.random.Generator) -> None:
    """10: a few names in the attributes are in Latin-1, which is not UTF-8."""
    path = folder / ATTRIBUTES_FILE
    frame = read_text(path)
    rows = pick_rows(in_last_month(frame), chance)
    named = put(frame, "Name", rows, ["Josée Muñoz"]).write_csv()
    write_whole(path, named.encode("latin-1"))


def cut_last_line(folder: Path, _: np.random.Generator) -> None:
    """11: the last line of the loan file is cut off in the middle."""
    path = folder / LOANS_FILE
    content = path.read_bytes()
    write_whole(path, content[:-40])


def unquote_comma(folder: Path, chance: np.random.Generator) -> None:
    """12: a few lines of the financials have bare commas in Type_of_Loan."""
    path = folder / FINANCIALS_FILE
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    frame = read_text(path)
    last_day = str(frame.filter(in_last_month(frame))["snapshot_date"].first())
    quoted = pl.Series([line.count('"') == 2 and last_day in line for line in lines])
    for place in pick_rows(quoted, chance):
        lines[place] = lines[place].replace('"', "")
    write_whole(path, "".join(lines).encode())


def change_the_past(folder: Path, chance: np.random.Generator) -> None:
    """13: a few debts of the first month, which is published, are others now."""
    path = folder / FINANCIALS_FILE
    frame = read_text(path)
    rows = pick_rows(frame["snapshot_date"] == frame["snapshot_date"].min(), chance)
    write_text(put(frame, "Outstanding_Debt", rows, ["4321.09"]), path)


def thin_out(folder: Path, chance: np.random.Generator) -> None:
    """15: three fifths of the last month's rows are gone from the attributes and the financials."""
    for name in (ATTRIBUTES_FILE, FINANCIALS_FILE):
        frame = read_text(folder / name)
        lost = in_last_month(frame) & pl.Series(chance.random(len(frame)) < 0.6)
        write_text(frame.filter(~lost), folder / name)


def hide_customers(folder: Path, chance: np.random.Generator) -> None:
    """48: a few of the last month's customers have no clickstream at all."""
    frame = read_text(folder / CLICKSTREAM_FILE)
    hidden = _few_customers(folder, chance)
    write_text(_without(frame, hidden), folder / CLICKSTREAM_FILE)


def hide_cohort(folder: Path, _: np.random.Generator) -> None:
    """49: none of the last month's customers has any clickstream."""
    frame, people = read_text(folder / CLICKSTREAM_FILE), read_text(folder / ATTRIBUTES_FILE)
    hidden = people.filter(in_last_month(people))["Customer_ID"].drop_nulls().to_list()
    write_text(_without(frame, hidden), folder / CLICKSTREAM_FILE)


def shout_after_application(folder: Path, _: np.random.Generator) -> None:
    """50: clickstream dated after a customer's application says 9999, which nobody may read."""
    frame, people = read_text(folder / CLICKSTREAM_FILE), read_text(folder / ATTRIBUTES_FILE)
    applied = people.select("Customer_ID", applied="snapshot_date").unique("Customer_ID", keep="first")
    later = pl.col("snapshot_date") > pl.col("applied")
    frame = frame.join(applied, on="Customer_ID", how="left", validate="m:1", maintain_order="left")
    shouted = pl.when(later).then(pl.lit("9999")).otherwise(pl.col("fe_1"))
    write_text(frame.with_columns(fe_1=shouted).drop("applied"), folder / CLICKSTREAM_FILE)


def swap_columns(folder: Path, _: np.random.Generator) -> None:
    """52: fe_1 and fe_6 change places in the last month."""
    frame = read_text(folder / CLICKSTREAM_FILE)
    last = pl.lit(in_last_month(frame))
    one = pl.when(last).then(pl.col("fe_6")).otherwise(pl.col("fe_1"))
    other = pl.when(last).then(pl.col("fe_1")).otherwise(pl.col("fe_6"))
    write_text(frame.with_columns(fe_1=one, fe_6=other), folder / CLICKSTREAM_FILE)


def freeze_column(folder: Path, _: np.random.Generator) -> None:
    """53: fe_2 is 100 for everybody in the last month."""
    frame = read_text(folder / CLICKSTREAM_FILE)
    frozen = pl.when(pl.lit(in_last_month(frame))).then(pl.lit("100")).otherwise(pl.col("fe_2"))
    write_text(frame.with_columns(fe_2=frozen), folder / CLICKSTREAM_FILE)


def forget_applicants(folder: Path, chance: np.random.Generator) -> None:
    """64: a few of the last month's loans have neither attributes nor financials."""
    lost = _few_customers(folder, chance)
    for name in (ATTRIBUTES_FILE, FINANCIALS_FILE):
        frame = read_text(folder / name)
        write_text(_without(frame, lost), folder / name)


def _few_customers(folder: Path, chance: np.random.Generator) -> list[str]:
    people = read_text(folder / ATTRIBUTES_FILE)
    return [people["Customer_ID"][row] for row in pick_rows(in_last_month(people), chance)]


def _without(frame: pl.DataFrame, customers: list[str]) -> pl.DataFrame:
    gone = pl.col("Customer_ID").is_in(customers).fill_null(value=False)
    return frame.filter(~gone)


# In the order in which they are planted: first what reads the files as tables, then what spoils that.
FILE_FAULTS: Final[dict[int, Fault]] = {
    48: hide_customers,
    49: hide_cohort,
    50: shout_after_application,
    52: swap_columns,
    53: freeze_column,
    64: forget_applicants,
    13: change_the_past,
    15: thin_out,
    4: leave_out_month,
    5: leave_out_column,
    6: rename_column,
    7: add_column,
    8: reorder_columns,
    3: keep_header,
    12: unquote_comma,
    9: mark_and_return,
    10: write_latin,
    11: cut_last_line,
    2: empty,
    1: leave_out,
}
