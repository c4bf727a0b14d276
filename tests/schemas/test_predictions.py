import polars as pl

from tasks.schemas.predictions import grade_of


def test_grades_follow_fixed_limits_of_the_pd() -> None:
    pds = pl.DataFrame({"pd": [0.0, 0.03, 0.031, 0.3, 0.5, 0.75, 0.76, 1.0]})
    assert pds.select(grade_of(pl.col("pd"))).to_series().to_list() == [
        "A",
        "A",
        "B",
        "D",
        "E",
        "F",
        "G",
        "G",
    ]
