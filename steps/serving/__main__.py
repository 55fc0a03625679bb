"""`python -m modelmedic.steps.serving`: the predictor."""

from modelmedic.steps.serving.command import main

raise SystemExit(main())
