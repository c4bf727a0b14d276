"""`python -m flows` is the `vintage` command."""

from flows.cli import main

main()
