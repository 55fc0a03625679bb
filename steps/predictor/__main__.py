"""`python -m modelmedic.steps.predictor`: the predictor."""

from modelmedic.steps.predictor.command import main

raise SystemExit(main())
