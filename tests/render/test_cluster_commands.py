"""diff, explain, submit and doctor: what they say, and with which exit code they end."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hera.exceptions import AlreadyExists

from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound, Refused, Transient
from modelmedic.workflows.cli import main
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.operations import submission
from modelmedic.workflows.operations.doctor import cluster
from modelmedic.workflows.operations.explain import decisions
from modelmedic.workflows.operations.inspection import MISSING, OK, UNKNOWN
from modelmedic.workflows.operations.round_trip import round_trip
from modelmedic.workflows.operations.versions import TRIED
from tests.render.policies import SMALL, policy


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "churn.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return int(ended.value.code or 0)


def test_check_and_diff_are_silent_after_a_render_and_say_what_a_change_does(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("render", file, "--out", out) == 0
    assert run("render", file, "--out", out, "--check") == 0
    assert run("diff", file, "--out", out) == 0
    assert capsys.readouterr().out == ""
    file.write_text(yaml.safe_dump({**SMALL, "approval": {"timeout": "2h"}}))
    assert run("render", file, "--out", out, "--check") == 65
    assert run("diff", file, "--out", out) == 65
    said = capsys.readouterr().out
    assert "-      duration: 86400s" in said
    assert "+      duration: 7200s" in said


def test_a_dry_run_writes_nothing(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("render", file, "--out", tmp_path / "out", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["written"] is False
    assert not (tmp_path / "out").exists()


def test_lint_ends_with_65_and_names_the_place(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run("render", file, "--out", out) == 0
    assert run("lint", out, "--no-tools") == 0
    sensor = out / "argo-events" / "sensor.yaml"
    sensor.write_text(sensor.read_text().replace("atLeastOnce", "atLeastOnc"))
    capsys.readouterr()
    assert run("lint", out, "--no-tools") == 65
    assert "spec.triggers[0] has the field atLeastOnc" in capsys.readouterr().out


def test_pods_for_scanners_are_valid_pods_one_per_step(file: Path, tmp_path: Path) -> None:
    from modelmedic.workflows.lint.objects import read_objects
    from modelmedic.workflows.lint.structure import structure

    assert run("render", file, "--out", tmp_path / "out") == 0
    assert run("lint", tmp_path / "out", "--no-tools", "--pods", tmp_path / "pods") == 0
    written = {path.name: path.read_text() for path in (tmp_path / "pods").iterdir()}
    assert len(written) == 21
    assert structure(read_objects(written)).found == ()


def test_explain_says_of_each_cause_what_a_heal_would_do() -> None:
    lines = {(line.cause, line.harm): line for line in decisions(policy("own-rules"))}
    assert lines["data_quality", ""].remedy == "quarantine"
    assert lines["concept_drift", ""].rule == "ask-first"
    assert lines["covariate_shift", "estimated"].then == "done once somebody approves it; promotion waits for labels"
    assert lines["insufficient_evidence", ""].remedy == "escalate"


def test_explain_knows_alerts_and_policies_and_nothing_else(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "ModelmedicDataBroken", "--json") == 0
    assert json.loads(capsys.readouterr().out)["goes to"].startswith("triage")
    assert run("explain", file) == 0
    assert "ignoreDifferences" in capsys.readouterr().out
    assert run("explain", "ModelmedicDrft") == 2


class Server:
    """An Argo server that answers with what it was given, one state after the other."""

    def __init__(self, *states: Any) -> None:
        self.states = list(states)
        self.asked: list[Any] = []

    def submit_workflow(self, asked: Any, namespace: str) -> Any:
        self.asked.append((asked, namespace))
        return SimpleNamespace(metadata=SimpleNamespace(name="heal-churn-x"))

    def get_workflow(self, name: str, namespace: str) -> Any:
        assert (name, namespace) == ("heal-churn-x", "ml")
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


def state(phase: str, *nodes: Any) -> Any:
    return SimpleNamespace(status=SimpleNamespace(phase=phase, message="", nodes={node.display_name: node for node in nodes}))


def node(name: str, phase: str, code: str | None = None, **outputs: str | None) -> Any:
    parameters = [SimpleNamespace(name=key, value=value) for key, value in outputs.items()]
    told = SimpleNamespace(exit_code=code, parameters=parameters)
    return SimpleNamespace(display_name=name, type="Pod", phase=phase, message="", started_at="1", finished_at="2", outputs=told)


def followed(server: Server) -> tuple[list[str], submission.Ended]:
    said = list(submission.follow(server, "heal-churn-x", "ml", sleep=lambda _: None))
    assert isinstance(said[-1], submission.Ended)
    return [each for each in said if isinstance(each, str)], said[-1]


def test_submitting_a_heal_passes_the_incident_alone() -> None:
    server = Server()
    wanted = submission.request("heal", "churn", "churn-1a2b3c4d-7")
    assert submission.submit(server, wanted, "ml") == "heal-churn-x"
    asked, namespace = server.asked[0]
    sent = asked.model_dump(exclude_none=True, by_alias=True)
    assert (namespace, sent["resourceKind"], sent["resourceName"]) == ("ml", "WorkflowTemplate", "heal-churn")
    options = sent["submitOptions"]
    assert options["parameters"] == ["incident=churn-1a2b3c4d-7"]
    assert options["name"] == "heal-churn-1a2b3c4d-7"  # as triage calls it, so that an incident has one heal
    assert "generateName" not in options
    assert options["annotations"] == "workflows.argoproj.io/title=Incident 7 of churn"


def test_a_second_heal_of_an_incident_is_a_conflict() -> None:
    class Taken(Server):
        def submit_workflow(self, *_: Any, **__: Any) -> Any:
            raise AlreadyExists("Server returned status code 409")

    with pytest.raises(Conflict, match="heal-churn-1a2b3c4d-7 is there already"):
        submission.submit(Taken(), submission.request("heal", "churn", "churn-1a2b3c4d-7"), "ml")


@pytest.mark.parametrize("incident", [None, "{{workflow.name}}", "x; rm -rf /"])
def test_a_heal_without_a_good_incident_is_refused(incident: str | None) -> None:
    with pytest.raises(BadInput):
        submission.request("heal", "churn", incident)


def test_following_tells_each_change_once_and_the_outcome() -> None:
    running, done = node("diagnose", "Running"), node("diagnose", "Succeeded")
    server = Server(
        state("Running", running), state("Running", running), state("Succeeded", done, node("close", "Succeeded", outcome="healed"))
    )
    said, ended = followed(server)
    assert said == ["diagnose: Running", "diagnose: Succeeded", "close: Succeeded"]
    assert (ended.code, ended.outputs["outcome"]) == (0, "healed")


def test_a_second_try_is_told_by_its_number_and_a_first_one_by_its_name_alone() -> None:
    said, _ = followed(Server(state("Succeeded", node("retrain(0)", "Failed", "75"), node("retrain(1)", "Succeeded"))))
    assert said == ["retrain: Failed", "retrain, attempt 2: Succeeded"]


def test_an_output_that_a_broken_step_never_wrote_is_no_output() -> None:
    assert followed(Server(state("Error", node("monitor(0)", "Error", "64", state=None))))[1].outputs == {}


@pytest.mark.parametrize(("code", "expected"), [("77", 77), ("65", 65), ("137", 1), (None, 1)])
def test_the_exit_code_is_that_of_the_step_that_ended_it(code: str | None, expected: int) -> None:
    assert followed(Server(state("Failed", node("deploy", "Failed", code))))[1].code == expected


def test_a_server_that_is_away_is_transient() -> None:
    class Away(Server):
        def get_workflow(self, name: str, namespace: str) -> Any:  # noqa: ARG002 - nobody answers
            raise ConnectionError("refused")

    with pytest.raises(Transient, match="ARGO_SERVER"):
        followed(Away())


ARGO = "/apis/argoproj.io/v1alpha1/namespaces/modelmedic/workflows"
DEPLOYMENTS, CONFIG_MAPS = "/apis/apps/v1/deployments", "/api/v1/configmaps"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SECRETS = "/api/v1/namespaces/modelmedic/secrets"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


class FakeClusterApi:
    """The Kubernetes API as doctor asks it: objects and lists by path, and what accounts may do."""

    def __init__(self, objects: dict[str, Any], allowed: set[tuple[str, str, str]]) -> None:
        self.objects, self.allowed = objects, allowed
        self.forbidden: set[str] = set()

    def get(self, path: str) -> Any:
        if path in self.forbidden:
            raise Refused(f"GET {path} is not allowed: no right")
        if path not in self.objects:
            raise NotFound(f"{path} is not there: not found")
        return self.objects[path]

    def listed(self, path: str, selector: str = "", fields: str = "") -> list[Any]:  # noqa: ARG002 - each list is asked for once
        return list(self.objects.get(path, []))

    def create(self, path: str, document: Any) -> Any:
        if path in self.forbidden:
            raise Refused(f"POST {path} is not allowed: no right")
        asked, account = document["spec"]["resourceAttributes"], document["spec"]["user"].rpartition(":")[2]
        return {"status": {"allowed": (account, asked["verb"], asked["resource"]) in self.allowed}}


CONTROLLERS = ("quay.io/argoproj/workflow-controller:v4.1.2", "quay.io/argoproj/argo-events:v1.9.11", "kserve/kserve-controller:v0.20.2")


def deployment(image: str) -> Any:
    return {"spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


def good_cluster() -> Any:
    kinds = (
        "workflowtemplates.argoproj.io",
        "sensors.argoproj.io",
        "inferenceservices.serving.kserve.io",
        "servingruntimes.serving.kserve.io",
    )
    secrets = [f"modelmedic-store-{each}" for each in ("observe", "train", "validate", "deploy", "triage")]
    secrets += ["modelmedic-executor.service-account-token", "modelmedic-webhook", "modelmedic-artifacts"]
    objects: dict[str, Any] = {f"{CRDS}/{kind}": {} for kind in kinds} | {f"{SECRETS}/{name}": {} for name in secrets}
    objects |= {"/version": {"gitVersion": "v1.34.1"}, DEPLOYMENTS: [deployment(image) for image in CONTROLLERS]}
    objects[CONFIG_MAPS] = [{"data": {"executor": "securityContext: {}"}}]
    objects["/api/v1/namespaces/kserve/configmaps/inferenceservice-config"] = {
        "data": {"deploy": '{"defaultDeploymentMode": "Standard"}', "ingress": '{"enableGatewayApi": true}'}
    }
    for name in ("workflows", "answers"):
        objects[f"{BINDINGS}/modelmedic-{name}-modelmedic"] = {"spec": {"validationActions": ["Deny"]}}
    allowed = {("modelmedic-executor", "create", "workflowtaskresults")}
    allowed |= {(f"modelmedic-{part}", "create", "workflows") for part in ("sensor", "triage")}
    return FakeClusterApi(objects, allowed)


def states(found: Any) -> dict[str, str]:
    return {answer.subject: answer.state for answer in cluster(found, Platform())}


def test_doctor_finds_nothing_missing_where_nothing_is() -> None:
    assert MISSING not in states(good_cluster()).values()


@pytest.mark.parametrize(
    ("gone", "subject"),
    [
        (f"{CRDS}/sensors.argoproj.io", "sensors.argoproj.io"),
        (f"{SECRETS}/modelmedic-executor.service-account-token", "Secret modelmedic-executor.service-account-token"),
        (CONFIG_MAPS, "executor.securityContext"),
        (f"{BINDINGS}/modelmedic-workflows-modelmedic", "admission policy"),
        (f"{BINDINGS}/modelmedic-answers-modelmedic", "admission policy on answers"),
    ],
)
def test_doctor_names_what_would_stop_a_heal(gone: str, subject: str) -> None:
    sick = good_cluster()
    del sick.objects[gone]
    found = [answer for answer in cluster(sick, Platform()) if answer.state == MISSING]
    assert [answer.subject for answer in found] == [subject]
    assert found[0].remedy


def test_doctor_notices_a_right_too_many_and_one_too_few() -> None:
    sick = good_cluster()
    sick.allowed = {("modelmedic-train", "get", "secrets")} | {each for each in sick.allowed if each[0] != "modelmedic-sensor"}
    found = states(sick)
    assert found["modelmedic-train get secrets"] == MISSING
    assert found["modelmedic-sensor create workflows.argoproj.io"] == MISSING
    assert found["modelmedic-deploy get secrets"] == OK


def test_doctor_says_that_a_silent_cluster_was_not_looked_at() -> None:
    assert states(FakeClusterApi({}, set())) == {"cluster": UNKNOWN}


def test_doctor_says_what_it_may_not_look_at_and_calls_nothing_of_it_missing() -> None:
    shy = good_cluster()
    shy.forbidden = {path for path in shy.objects if path.startswith((CRDS, SECRETS, BINDINGS))} | {REVIEWS}
    found = states(shy)
    assert MISSING not in found.values()
    assert found["Secret modelmedic-webhook"] == found["admission policy"] == found["modelmedic-train get secrets"] == UNKNOWN


def test_doctor_asks_about_an_account_with_the_groups_that_it_is_in() -> None:
    asked: list[Any] = []

    class Listening(FakeClusterApi):
        def create(self, path: str, document: Any) -> Any:
            asked.append(document["spec"])
            return super().create(path, document)

    good = good_cluster()
    states(Listening(good.objects, good.allowed))
    assert asked[0]["user"] == "system:serviceaccount:modelmedic:modelmedic-executor"
    assert asked[0]["groups"] == ["system:serviceaccounts", "system:serviceaccounts:modelmedic", "system:authenticated"]


@pytest.mark.parametrize(
    ("image", "subject", "state", "said"),
    [
        ("workflow-controller:v4.0.5", "Argo Workflows", MISSING, "is v4.0.5"),
        (
            "registry:5000/argoproj/workflow-controller:v4.2.0@sha256:12",
            "Argo Workflows",
            UNKNOWN,
            "newer than the one that was tried (4.1.2)",
        ),
        ("argoproj/argo-events:v1.9.5", "Argo Events", MISSING, "is v1.9.5"),
        ("argoproj/argo-events:v1.10.0", "Argo Events", UNKNOWN, "newer than the one that was tried (1.9.11)"),
        ("kserve/kserve-controller:v0.20.0", "KServe", MISSING, "is v0.20.0"),
        ("kserve/kserve-controller:v0.21.0", "KServe", UNKNOWN, "newer than the one that was tried (main of August 2026)"),
        ("kserve/kserve-controller@sha256:0123", "KServe", UNKNOWN, "names no number"),
    ],
)
def test_doctor_tells_a_controller_that_is_too_old_or_was_not_tried(image: str, subject: str, state: str, said: str) -> None:
    seen = good_cluster()
    seen.objects[DEPLOYMENTS] = [deployment(image)]
    found = {answer.subject: answer for answer in cluster(seen, Platform())}[subject]
    assert found.state == state
    assert said in found.sentence


def test_a_kubernetes_that_is_older_than_the_one_that_was_tried_is_told() -> None:
    seen = good_cluster()
    seen.objects["/version"] = {"gitVersion": "v1.31.2"}
    assert states(seen)["Kubernetes"] == UNKNOWN


def test_the_versions_that_doctor_calls_tried_are_those_of_the_compatibility_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text()
    assert [name for name, tried in TRIED.items() if f"| {name} | {tried.words} |" not in page] == []


def test_the_test_alert_is_seen_again_as_a_triage() -> None:
    posted: list[Any] = []
    seen = good_cluster()
    seen.objects[ARGO] = [{"metadata": {"name": "triage-old"}}]

    def arrive(_: float) -> None:
        seen.objects[ARGO] = [{"metadata": {"name": "triage-old"}}, {"metadata": {"name": "triage-new"}}]

    answer = round_trip(seen, Platform(), posted.append, sleep=arrive)
    assert (answer.state, "triage-new" in answer.sentence) == (OK, True)
    assert posted[0][0]["labels"]["modelmedic"] == "heal"
    assert round_trip(good_cluster(), Platform(), posted.append, sleep=lambda _: None).state == MISSING


def test_an_alertmanager_that_is_away_is_one_answer_of_many() -> None:
    def away(_: list[dict[str, object]]) -> None:
        raise Transient("Alertmanager does not take the test alert")

    answer = round_trip(good_cluster(), Platform(), away, sleep=lambda _: None)
    assert (answer.state, answer.sentence) == (MISSING, "Alertmanager does not take the test alert")
