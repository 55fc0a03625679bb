"""The values of a policy that shape its manifests."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.keys import model_hash
from modelmedic.steps.contracts.policy import Policy
from modelmedic.workflows.inputs import names
from modelmedic.workflows.inputs.platform import Platform

_STEP = timedelta(minutes=30)  # the time that a step may take which waits for no person
_SLACK = timedelta(minutes=30)  # Argo's own time between the nodes of one heal


@dataclass(frozen=True, slots=True)
class Model:
    """Texts and whole seconds only: a text template (workflows.render.template) is built with
    placeholders in their place.
    """

    name: str
    owner: str
    about: str
    hash: str
    hashed: str  # the model's hash, as in the keys of the object store
    registered: str  # its name in MLflow, as an address has it
    service: str
    serving_namespace: str
    mode: str
    memory: str
    heal: str
    bootstrap: str
    monitor: str
    policy_map: str
    deploy_role: str
    train_image: str
    schedule: str
    step_seconds: int
    train_seconds: int
    approval: str  # a duration as Argo reads it
    deploy_seconds: int
    heal_seconds: int


def model_of(policy: Policy, platform: Platform) -> Model:
    rollout = policy.rollout
    deploy = rollout.deadline * (len(rollout.steps) + 2) + _STEP
    train = 2 * policy.retrain.timeout + _STEP  # two rounds of trainings, each ended and told of by the step, never by the pod's deadline
    whole = _STEP * 4 + train + policy.approval.timeout + deploy + _SLACK
    digest = policy.hash
    return Model(
        name=policy.name,
        owner=policy.metadata.owner,
        about=policy.metadata.description or f"Keeps {policy.name} healthy.",
        hash=digest,
        hashed=model_hash(policy.name),
        registered=quote(policy.registry.name, safe=""),
        service=policy.serving.inferenceService,
        serving_namespace=policy.serving.namespace,
        mode=policy.serving.mode,
        memory=policy.serving.memory,
        heal=names.heal(policy.name),
        bootstrap=names.bootstrap(policy.name),
        monitor=names.monitor(policy.name),
        policy_map=names.policy_map(policy.name, digest),
        deploy_role=names.fitted("modelmedic-deploy", policy.name),
        train_image=platform.trainImages.get(policy.name, platform.images.train),
        schedule=_schedule(policy),
        step_seconds=_seconds(_STEP),
        train_seconds=_seconds(train),
        approval=f"{_seconds(policy.approval.timeout)}s",
        deploy_seconds=_seconds(deploy),
        heal_seconds=_seconds(whole),
    )


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _schedule(policy: Policy) -> str:
    """Hourly, or every quarter of an hour for windows under a day; the minute is the model's own,
    so that a fleet is spread.
    """
    offset = int(sha256(policy.name.encode())[:8], 16)
    if policy.detect.window < timedelta(days=1):
        return ",".join(str(minute) for minute in range(offset % 15, 60, 15)) + " * * * *"
    return f"{offset % 60} * * * *"
