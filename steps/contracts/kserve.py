"""Names of KServe's objects, on which the rendered manifests and the steps in a pod agree."""

from typing import Final

FIELD_MANAGER: Final = "modelmedic"  # under which InferenceServices are patched
RUNTIME: Final = "modelmedic"  # our ServingRuntime
ACCOUNT: Final = "modelmedic-predictor"  # the ServiceAccount of the predictors: it reads the models
ANSWERS: Final = "answers.modelmedic.io/"  # annotations of a heal's Workflow: who gave the answer of that hash
MODEL_LABEL: Final = "modelmedic.io/model"
VERSION: Final = "MODELMEDIC_VERSION"  # in a predictor's environment: which version it serves …
DIGEST: Final = "MODELMEDIC_DIGEST"  # … and the digest of its model


def notes_name(service: str) -> str:
    """The ConfigMap beside an InferenceService, in which deploying keeps what the object store may
    be too far away for.
    """
    return f"{service}-modelmedic"
