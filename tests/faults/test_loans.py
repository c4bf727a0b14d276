"""What is odd in the history of a loan, and what its label and its score then are."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tasks.store import restatements
from tests.book import Book, month
from tests.faults.shop import Shop, first_of, put

NUMBER = 2


def test_fault_57_mob_6_missing_gives_no_label_and_is_listed(shop: Shop, book: Book) -> None:
    shop.receive(book.change("loans", lambda rows: rows.filter(~first_of(6, mob=6))))
    assert shop.run("features", 0).code == 0
    assert shop.run("features", 6).code == 0
    labels = shop.rows("gold.label_store", 6)
    lost = set(shop.rows("gold.feature_store", 0)["customer_id"]) - set(labels["customer_id"])
    assert labels.height == 59
    assert f"{lost.pop()}  -  -  -  no label" in shop.review(6)


def test_fault_57_mob_6_twice_gives_no_label(shop: Shop, book: Book) -> None:
    again = put("paid_amt", "17", pl.lit(value=True))
    shop.receive(book.change("loans", lambda rows: pl.concat([rows, again(rows.filter(first_of(6, mob=6)))])))
    assert shop.run("features", 6).code == 0
    assert shop.rows("gold.label_store", 6).height == 59
    assert shop.rows("quarantine.loans", 6).height == 2


def test_fault_58_before_mob_6_there_is_no_label(served: Shop) -> None:
    assert [served.rows("gold.label_store", number).height for number in (0, 5, 6, 8)] == [0, 0, 60, 60]


def test_fault_59_due_amt_0_at_mob_0_divides_nothing(served: Shop) -> None:
    started = served.rows("silver.loans", 0)
    assert started["due_amt"].to_list() == [0.0] * 60
    assert served.rows("quarantine.loans", 0).is_empty()


def test_fault_60_a_catch_up_is_a_good_row(shop: Shop, book: Book) -> None:
    who = pl.col("loan_id") == book.frames["loans"].filter(first_of(0))["loan_id"].item()

    def edit(rows: pl.DataFrame) -> pl.DataFrame:
        """Nothing paid at MOB 1, two instalments at MOB 2."""
        one, two = (who & (pl.col("installment_num") == mob) for mob in ("1", "2"))
        values = {
            "paid_amt": ("0.0", "2000.0"),
            "balance": ("10000.0", "8000.0"),
            "overdue_amt": ("1000.0", "0.0"),
        }
        return rows.with_columns(
            pl.when(one).then(pl.lit(a)).when(two).then(pl.lit(b)).otherwise(name).alias(name)
            for name, (a, b) in values.items()
        )

    shop.receive(book.change("loans", edit))
    assert shop.run("features", 2).code == 0
    assert shop.rows("quarantine.loans", 1).is_empty()
    assert shop.rows("quarantine.loans", 2).is_empty()
    assert 2000.0 in shop.rows("silver.loans", 2)["paid_amt"]


def test_fault_64_a_loan_without_attributes_is_kept_and_listed(shop: Shop, book: Book) -> None:
    without = book.change("attributes", lambda rows: rows.filter(~first_of(NUMBER)))
    shop.receive(without.change("financials", lambda rows: rows.filter(~first_of(NUMBER))))
    assert shop.run("features", NUMBER).code == 0
    rows = shop.rows("gold.feature_store", NUMBER)
    alone = rows.filter(~pl.col("has_attributes"), ~pl.col("has_financials"))
    assert (rows.height, alone.height) == (60, 1)
    loan, customer = alone.select("loan_id", "customer_id").row(0)
    assert f"{loan}  {customer}  -  -  -  no attributes known" in shop.review(NUMBER)


@pytest.mark.parametrize("source", ["attributes", "financials"])
def test_fault_64_a_loan_without_a_source_is_scored_if_the_model_has_an_answer(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop], source: str
) -> None:
    shop = copy_of(served)
    shop.receive(book.change(source, lambda rows: rows.filter(~first_of(8))))
    assert shop.run("features", 8, "--restate").code == 0
    assert shop.run("inference", 8).code == 0
    alone = shop.rows("gold.feature_store", 8).filter(~pl.col(f"has_{source}"))["loan_id"].item()
    scored = shop.rows("gold.predictions", 8).filter(pl.col("loan_id") == alone)
    assert scored["fallback"].to_list() == [{"attributes": "none"}.get(source, source)]
    listed = [line for line in shop.review(8).splitlines() if alone in line]
    assert len(listed) == {"attributes": 1}.get(source, 0)  # the fallback without financials was validated


def paid_off_early(book: Book) -> Book:
    """The first loan of the first month pays all that is left in its second month."""
    who = pl.col("loan_id") == book.frames["loans"].filter(first_of(0))["loan_id"].item()
    later = pl.col("installment_num").cast(pl.Int32) >= 2
    closed = {"paid_amt": "0.0", "balance": "0.0", "overdue_amt": "0.0"}

    def edit(rows: pl.DataFrame) -> pl.DataFrame:
        settled = rows.with_columns(
            pl.when(who & later).then(pl.lit(value)).otherwise(name).alias(name)
            for name, value in closed.items()
        )
        return put("paid_amt", "9000.0", who & (pl.col("installment_num") == "2"))(settled)

    first = book.change("loans", put("balance", "9000.0", who & (pl.col("installment_num") == "1")))
    first = first.change("loans", put("paid_amt", "1000.0", who & (pl.col("installment_num") == "1")))
    first = first.change("loans", put("overdue_amt", "0.0", who & (pl.col("installment_num") == "1")))
    return first.change("loans", edit)


def test_fault_66_a_loan_paid_off_early_has_no_label(shop: Shop, book: Book) -> None:
    shop.receive(paid_off_early(book))
    assert shop.run("features", 6).code == 0
    assert shop.rows("quarantine.loans", 2).is_empty()
    assert shop.rows("gold.label_store", 6).height == 59


def test_another_policy_on_closed_loans_flips_a_published_label_only_by_a_restatement(
    shop: Shop, book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, adopted = tmp_path / "policy.toml", shop.settings.policy.read_text()
    monkeypatch.setenv("VINTAGE_POLICY", str(policy))
    policy.write_text(adopted.replace('closed_before_ripe = "no label"', 'closed_before_ripe = "good"'))
    shop.receive(paid_off_early(book))
    assert shop.run("features", 6).code == 0
    before = shop.rows("gold.label_store", 6)
    policy.write_text(adopted.replace('closed_before_ripe = "no label"', 'closed_before_ripe = "bad"'))
    outcome = shop.run("features", 6)
    assert outcome.code == 1
    assert f"1 labels of {month(6)} would change" in outcome.said
    assert shop.rows("gold.label_store", 6).equals(before)
    assert shop.run("features", 6, "--restate").code == 0
    assert shop.rows("gold.label_store", 6)["label"].sum() == before["label"].sum() + 1
    (line,) = restatements.read_history(shop.settings)
    assert line["what"] == "labels"
