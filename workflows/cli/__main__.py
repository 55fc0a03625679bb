"""`python -m workflows.cli` is `modelmedic` without an installation."""

from workflows.cli import main

main()
