"""Names of the reference lender's columns that tests build rows of."""

CLICKSTREAM_MONTHS = "n_clickstream_months"
CLICKSTREAM_LEVELS = tuple(f"fe_{n}_mean" for n in range(1, 21))
CLICKSTREAM_SPREADS = tuple(f"fe_{n}_sd" for n in range(1, 21))
