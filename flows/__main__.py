"""`python -m flows` is the `vintage` command."""

from flows.cli.main import main

main()
