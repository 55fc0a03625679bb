"""`python -m modelmedic.workflows.cli` is `modelmedic` without an installation."""

from modelmedic.workflows.cli import main

main()
