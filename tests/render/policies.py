"""Policies for the tests of rendering: one small, and named variations of it."""

from typing import Any, Final

from modelmedic.steps.contracts.policy import Policy

SMALL: Final[dict[str, Any]] = {
    "apiVersion": "modelmedic.io/v1alpha1",
    "kind": "HealingPolicy",
    "metadata": {"name": "churn", "owner": "growth"},
    "serving": {"inferenceService": "churn"},
    "registry": {"name": "churn"},
    "data": {"task": "binary", "target": "left", "time": "at", "numeric": ["age"]},
}

# One configuration each, by what is special about it; every one is kept as golden output.
NAMED: Final[dict[str, dict[str, Any]]] = {
    "small": {},
    "knative": {"serving": {"inferenceService": "churn", "mode": "Knative"}},
    "other-namespace": {"serving": {"inferenceService": "churn", "namespace": "models"}},
    "service-of-another-name": {"serving": {"inferenceService": "churn-v2"}},
    "regression": {"data": {"task": "regression", "target": "price", "time": "at", "numeric": ["age", "area"]}},
    "categories": {"data": {"task": "binary", "target": "left", "time": "at", "categorical": ["plan"], "segments": ["plan"]}},
    "described": {"metadata": {"name": "churn", "owner": "growth", "description": "Who leaves, and when?"}},
    "accents": {"metadata": {"name": "churn", "owner": "équipe croissance", "description": "Qui part? 誰が去る"}},
    "pictures": {"metadata": {"name": "churn", "owner": "growth", "description": "Rockets 🚀 and O'Brien"}},
    "longest-name": {"metadata": {"name": "a" + "b-c" * 17 + "d", "owner": "growth"}},
    "name-of-digits": {"metadata": {"name": "1e3", "owner": "growth"}, "serving": {"inferenceService": "0x10"}},
    "name-of-a-word": {"metadata": {"name": "null", "owner": "yes"}, "serving": {"inferenceService": "true", "namespace": "on"}},
    "short-window": {"detect": {"window": "6h"}},
    "long-window": {"detect": {"window": "90d"}},
    "slow-training": {"retrain": {"timeout": "14d"}},
    "quick-approval": {"approval": {"timeout": "1m"}},
    "slow-approval": {"approval": {"timeout": "90d", "approvers": ["ann", "bo"], "twoPerson": True}},
    "many-steps": {"rollout": {"steps": [1, 2, 5, 10, 25, 50, 75, 99]}},
    "one-step": {"rollout": {"steps": [50], "hold": "0s", "deadline": "1m"}},
    "own-training": {"retrain": {"entrypoint": "churn.train:fit"}},
    "own-rules": {"rules": [{"id": "ask-first", "cause": "concept_drift", "remedy": "retrain", "maxAutonomy": "approve"}]},
    "frozen": {"limits": {"freeze": [{"start": "2026-12-20T00:00:00Z", "end": "2027-01-06T00:00:00Z", "reason": "holidays"}]}},
    "all-by-hand": {"autonomy": {"quarantine": "approve", "rollback": "approve", "recalibrate": "approve", "retrain": "approve"}},
}


def policy(name: str = "small", **changes: Any) -> Policy:
    """The configuration of that name; `changes` replace whole sections."""
    return Policy.model_validate(SMALL | NAMED[name] | changes)
