"""The deck: ten pages on the loop of a date, from its tables and cards."""
