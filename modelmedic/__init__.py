"""Self-healing ML pipelines for Argo Workflows, KServe and MLflow, generated from one policy per
model.

    >>> import modelmedic
    >>> opinion = modelmedic.diagnose(reference, current, target="defaulted", prediction="risk")
    >>> opinion.cause, opinion.remedy

The functions take a DataFrame, an Arrow table or a file, and answer with frozen values that a
notebook shows as HTML. All of it is imported on first use.
"""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from modelmedic.api.manifests import Manifests as Manifests
    from modelmedic.api.manifests import render as render
    from modelmedic.api.opinions import Detection as Detection
    from modelmedic.api.opinions import Opinion as Opinion
    from modelmedic.api.opinions import detect as detect
    from modelmedic.api.opinions import diagnose as diagnose
    from modelmedic.api.replay import Replay as Replay
    from modelmedic.api.replay import backtest as backtest
    from modelmedic.api.submission import Submission as Submission
    from modelmedic.api.submission import submit as submit
    from modelmedic.steps.contracts.errors import BadInput as BadInput
    from modelmedic.steps.contracts.errors import BadPolicy as BadPolicy
    from modelmedic.steps.contracts.errors import ModelmedicError as ModelmedicError
    from modelmedic.steps.contracts.errors import Refused as Refused
    from modelmedic.steps.contracts.errors import Transient as Transient

_ERRORS: Final = "modelmedic.steps.contracts.errors"
_MODULES: Final = {  # of every public name; tests/packaging/test_face.py holds the two lists together
    "detect": "modelmedic.api.opinions",
    "diagnose": "modelmedic.api.opinions",
    "backtest": "modelmedic.api.replay",
    "render": "modelmedic.api.manifests",
    "submit": "modelmedic.api.submission",
    "Detection": "modelmedic.api.opinions",
    "Opinion": "modelmedic.api.opinions",
    "Replay": "modelmedic.api.replay",
    "Manifests": "modelmedic.api.manifests",
    "Submission": "modelmedic.api.submission",
    "ModelmedicError": _ERRORS,
    "BadInput": _ERRORS,
    "BadPolicy": _ERRORS,
    "Refused": _ERRORS,
    "Transient": _ERRORS,
}
__all__ = [
    "BadInput",
    "BadPolicy",
    "Detection",
    "Manifests",
    "ModelmedicError",
    "Opinion",
    "Refused",
    "Replay",
    "Submission",
    "Transient",
    "backtest",
    "detect",
    "diagnose",
    "render",
    "submit",
]


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'modelmedic' has no attribute {name!r}")
    import importlib

    found = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
