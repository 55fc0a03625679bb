"""The labels and annotations that every generated object carries."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from modelmedic.steps.contracts.kserve import MODEL_LABEL as MODEL
from modelmedic.workflows.inputs.model import Model
from modelmedic.workflows.inputs.names import GENERATOR

STEP_CLASS: Final = "modelmedic.io/step-class"
POLICY_HASH: Final = "modelmedic.io/policy-hash"
GENERATOR_VERSION: Final = "modelmedic.io/generator"
TITLE: Final = "workflows.argoproj.io/title"
DESCRIPTION: Final = "workflows.argoproj.io/description"


@cache
def generator() -> str:
    try:
        return f"{GENERATOR} {version('modelmedic')}"
    except PackageNotFoundError:
        return GENERATOR


def labels(component: str, model: Model | None = None) -> dict[str, str]:
    common = {
        "app.kubernetes.io/name": GENERATOR,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": GENERATOR,
        "app.kubernetes.io/managed-by": GENERATOR,
    }
    return {**common, MODEL: model.name} if model else common


def annotations(model: Model | None = None, **more: str) -> dict[str, str]:
    """`more` by names without a prefix, such as `owner`; Argo's own are given whole by
    `argo_annotations`.
    """
    ours = {GENERATOR_VERSION: generator()}
    if model:
        ours |= {POLICY_HASH: model.hash, "modelmedic.io/owner": model.owner}
    return ours | {f"modelmedic.io/{name}": value for name, value in more.items()}


def argo_annotations(title: str, description: str) -> dict[str, str]:
    """The title and the description that Argo's lists show in the place of a name."""
    return {TITLE: title, DESCRIPTION: description}


def metadata(name: str, namespace: str | None, component: str, model: Model | None = None, **more: str) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, "labels": labels(component, model), "annotations": annotations(model, **more)}


def selector(step_class: str) -> Mapping[str, str]:
    return {STEP_CLASS: step_class}
