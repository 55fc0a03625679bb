"""Settings with which a pod passes Pod Security `restricted`, and which keep the API token out of
every container that does not call the API.
"""

from typing import Final

from hera.workflows import models as m

from modelmedic.steps.contracts.stage import Account
from modelmedic.workflows.inputs.names import account

USER: Final = 65532
WORK: Final = "/tmp"  # the only place a step can write to
TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
EXECUTOR: Final = "executor"
_TOKEN_SECONDS: Final = 3600

_SIZES: Final = {  # cpu asked for, cpu at most, memory, scratch space
    "observe": ("250m", "2", "2Gi", "4Gi"),
    "train": ("1", "4", "4Gi", "16Gi"),
    "validate": ("500m", "2", "4Gi", "8Gi"),
    "deploy": ("100m", "1", "1Gi", "2Gi"),
    "triage": ("50m", "500m", "512Mi", "256Mi"),
}


def pod() -> m.PodSecurityContext:
    return m.PodSecurityContext(
        run_as_non_root=True,
        run_as_user=USER,
        run_as_group=USER,
        fs_group=USER,
        seccomp_profile=m.SeccompProfile(type="RuntimeDefault"),
    )


def container() -> m.SecurityContext:
    return m.SecurityContext(
        allow_privilege_escalation=False,
        capabilities=m.Capabilities(drop=["ALL"]),
        read_only_root_filesystem=True,
        run_as_non_root=True,
    )


def executor() -> m.ExecutorConfig:
    """Argo's own containers report results under this account; its token is a Secret of its own."""
    return m.ExecutorConfig(service_account_name=account(EXECUTOR))


def resources(step_class: str) -> m.ResourceRequirements:
    """Memory is asked for as it is limited, so that a node never takes back what a step was
    promised.
    """
    cpu, most, memory, _ = _SIZES[step_class]
    return m.ResourceRequirements(requests=_quantities(cpu, memory), limits=_quantities(most, memory))


def work_volume(step_class: str) -> m.Volume:
    size = m.Quantity(root=_SIZES[step_class][3])
    return m.Volume(name="work", empty_dir=m.EmptyDirVolumeSource(size_limit=size))


def calls_api(step_class: str) -> bool:
    return step_class in (Account.DEPLOY.value, "triage")


def token_volume() -> m.Volume:
    """The API token as Kubernetes would mount it by itself, for the one container that is to have
    it.
    """
    sources = [
        m.VolumeProjection(service_account_token=m.ServiceAccountTokenProjection(expiration_seconds=_TOKEN_SECONDS, path="token")),
        m.VolumeProjection(config_map=m.ConfigMapProjection(name="kube-root-ca.crt", items=[m.KeyToPath(key="ca.crt", path="ca.crt")])),
        m.VolumeProjection(
            downward_api=m.DownwardAPIProjection(
                items=[m.DownwardAPIVolumeFile(path="namespace", field_ref=m.ObjectFieldSelector(field_path="metadata.namespace"))]
            )
        ),
    ]
    return m.Volume(name="api-token", projected=m.ProjectedVolumeSource(sources=sources, default_mode=0o440))


def _quantities(cpu: str, memory: str) -> dict[str, m.Quantity]:
    return {"cpu": m.Quantity(root=cpu), "memory": m.Quantity(root=memory)}
