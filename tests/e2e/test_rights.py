"""The rights of each account at the API, asked of the API server itself."""

import pytest

from tests.e2e.stage import Stage, evidence

MUST = {
    "deploy": (
        ("get", "inferenceservices.serving.kserve.io/flights-delay"),
        ("patch", "inferenceservices.serving.kserve.io/flights-delay"),
        ("create", "inferenceservices.serving.kserve.io"),
        ("patch", "configmaps/flights-delay-modelmedic"),
        ("get", "deployments.apps"),
        ("list", "pods"),
        ("create", "workflows.argoproj.io"),
        ("list", "workflows.argoproj.io"),
    ),
    "triage": (("create", "workflows.argoproj.io"),),
    "sensor": (("create", "workflows.argoproj.io"),),
    "executor": (("create", "workflowtaskresults.argoproj.io"), ("patch", "workflowtaskresults.argoproj.io")),
    "observe": (),
    "train": (),
    "validate": (),
    "predictor": (),
}
NEVER = (
    ("get", "secrets"),
    ("list", "secrets"),
    ("create", "secrets"),
    ("create", "pods"),
    ("delete", "pods"),
    ("create", "pods/exec"),
    ("delete", "workflows.argoproj.io"),
    ("patch", "workflows.argoproj.io"),
    ("patch", "workflowtemplates.argoproj.io"),
    ("create", "workflowtemplates.argoproj.io"),
    ("delete", "inferenceservices.serving.kserve.io"),
    ("patch", "inferenceservices.serving.kserve.io/somebody-elses"),
    ("patch", "servingruntimes.serving.kserve.io"),
    ("create", "configmaps"),
    ("patch", "configmaps/modelmedic"),
    ("create", "roles.rbac.authorization.k8s.io"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
    ("create", "serviceaccounts/token"),
    ("patch", "networkpolicies.networking.k8s.io"),
    ("patch", "deployments.apps"),
    ("patch", "sensors.argoproj.io"),
    ("impersonate", "serviceaccounts"),
)


@pytest.mark.parametrize("name", sorted(MUST))
def test_an_account_may_do_what_it_must_and_nothing_of_what_it_must_not(whole_stage: Stage, name: str) -> None:
    def may(verb: str, what: str) -> bool:
        who = f"system:serviceaccount:{whole_stage.cluster.namespace}:modelmedic-{name}"
        return whole_stage.cluster.run("auth", "can-i", verb, what, f"--as={who}", check=False).strip() == "yes"

    assert [wanted for wanted in MUST[name] if not may(*wanted)] == []
    assert [refused for refused in NEVER if may(*refused)] == []
    evidence(f"l: account {name}", {"allowed": len(MUST[name]), "refused": len(NEVER)})
