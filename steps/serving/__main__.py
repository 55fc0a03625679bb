"""`python -m steps.serving`: the predictor."""

from steps.serving.command import main

raise SystemExit(main())
