"""One container step: `python -m modelmedic.steps <step> --incident=… --<input>=…
--outputs=/tmp/outputs`, hardened, one flag per token.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hera.workflows import Container, Parameter, RetryStrategy
from hera.workflows import models as m

from modelmedic.workflows.argo import hardening
from modelmedic.workflows.inputs.labels import selector
from modelmedic.workflows.inputs.names import account

OUTPUTS: Final = "/tmp/outputs"
POLICY: Final = "/etc/modelmedic/policy"
STORE_SECRET: Final = "/var/run/secrets/modelmedic/store"
NOTIFY_SECRET: Final = "/var/run/secrets/modelmedic/notify"
TELLING: Final = ("observe", "validate", "deploy")  # the step classes that send messages to people
CONFIG: Final = "modelmedic"  # the ConfigMap with the addresses of the platform
INCIDENT: Final = Parameter(name="incident", description="The incident's id; everything else is read from the object store.")

_AGAIN: Final = 'asInt(lastRetry.exitCode) == 75 || (lastRetry.status == "Error" && asInt(lastRetry.exitCode) == -1)'


@dataclass(frozen=True)
class Call:
    """A step as it is called: its flags by name, each filled from the input parameter of that
    name.
    """

    name: str  # of the template
    step: str  # the module of `steps`
    step_class: str
    image: str
    seconds: int
    flags: tuple[str, ...] = ("incident",)
    fixed: tuple[str, ...] = ()  # whole tokens
    inputs: Sequence[Parameter] = (INCIDENT,)
    artifacts: Sequence[m.Artifact] = ()
    outputs: tuple[str, ...] = ()
    reports: Sequence[m.Artifact] = ()
    mounted: str | None = None  # the ConfigMap with the policy, or with the list of policies
    annotations: dict[str, str] = field(default_factory=dict)


def container(call: Call) -> Container:
    """The Hera template of a call."""
    return Container(
        name=call.name,
        image=call.image,
        image_pull_policy="IfNotPresent",
        command=["python", "-m", "modelmedic.steps", call.step],
        args=[*(f"--{flag}={{{{inputs.parameters.{flag}}}}}" for flag in call.flags), *call.fixed, f"--outputs={OUTPUTS}"],
        inputs=[*call.inputs, *call.artifacts],
        outputs=[*map(output, call.outputs), *call.reports] or None,
        env=list(_environment(call)) or None,
        env_from=[m.EnvFromSource(config_map_ref=m.ConfigMapEnvSource(name=CONFIG))],
        security_context=hardening.container(),
        resources=hardening.resources(call.step_class),
        volumes=list(_volumes(call)),
        volume_mounts=list(_mounts(call)),
        service_account_name=account(call.step_class),
        active_deadline_seconds=call.seconds,
        retry_strategy=retry(),
        labels=dict(selector(call.step_class)),
        annotations=call.annotations or None,
    )


def output(name: str) -> Parameter:
    return Parameter(name=name, value_from=m.ValueFrom(path=f"{OUTPUTS}/{name}"))


def retry() -> RetryStrategy:
    """Again only after exit code 75 and after a pod that was lost with its node, which ends in
    Error and without an exit code.
    """
    return RetryStrategy(
        limit=3,
        retry_policy="Always",
        expression=_AGAIN,
        backoff=m.Backoff(duration="20s", factor=m.IntOrString(root=3), max_duration="15m"),
    )


def _environment(call: Call) -> Iterable[m.EnvVar]:
    if call.step_class != "train":
        key = m.SecretKeySelector(name=f"modelmedic-registry-{call.step_class}", key="token", optional=True)
        yield m.EnvVar(name="MLFLOW_TRACKING_TOKEN", value_from=m.EnvVarSource(secret_key_ref=key))


def _volumes(call: Call) -> Iterable[m.Volume]:
    yield hardening.work_volume(call.step_class)
    secret = m.SecretVolumeSource(secret_name=f"modelmedic-store-{call.step_class}", optional=True, default_mode=0o440)
    yield m.Volume(name="store", secret=secret)
    if call.step_class in TELLING:
        receivers = m.SecretVolumeSource(secret_name="modelmedic-notify", optional=True, default_mode=0o440)
        yield m.Volume(name="notify", secret=receivers)
    if call.mounted:
        yield m.Volume(name="policy", config_map=m.ConfigMapVolumeSource(name=call.mounted))
    if hardening.calls_api(call.step_class):
        yield hardening.token_volume()


def _mounts(call: Call) -> Iterable[m.VolumeMount]:
    yield m.VolumeMount(name="work", mount_path=hardening.WORK)
    yield m.VolumeMount(name="store", mount_path=STORE_SECRET, read_only=True)
    if call.step_class in TELLING:
        yield m.VolumeMount(name="notify", mount_path=NOTIFY_SECRET, read_only=True)
    if call.mounted:
        yield m.VolumeMount(name="policy", mount_path=POLICY, read_only=True)
    if hardening.calls_api(call.step_class):
        yield m.VolumeMount(name="api-token", mount_path=hardening.TOKEN, read_only=True)


def document(workflow: Any) -> dict[str, Any]:
    """A Hera workflow as the plain document that is written."""
    built: dict[str, Any] = workflow.to_dict()
    return built
