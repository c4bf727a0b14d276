"""Who counts as of age."""

ADULT_AGE = 18
