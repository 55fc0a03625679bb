"""The schema that an object is held against: its CustomResourceDefinition when one is given, else
the schema of an installed package, else our own.
"""

from difflib import get_close_matches

from modelmedic.workflows.lint.schemas import hera, kserve, own
from modelmedic.workflows.lint.schemas.crds import Definitions
from modelmedic.workflows.lint.schemas.hera import hera_schema
from modelmedic.workflows.lint.schemas.kserve import kserve_schema
from modelmedic.workflows.lint.schemas.kubernetes import groups, kubernetes_schema
from modelmedic.workflows.lint.schemas.own import own_schema
from modelmedic.workflows.lint.schemas.schema import Schema

_WITHOUT_CRD = (hera_schema, kserve_schema, own_schema, kubernetes_schema)
_CUSTOM = (*((hera.API_VERSION, kind) for kind in hera.KINDS), *kserve.KINDS, *own.SPECS)


def schema_of(api_version: str, kind: str, crds: Definitions) -> Schema | None:
    """None for a kind that nothing here describes."""
    found = crds.schema(api_version, kind)
    return found or next((schema for source in _WITHOUT_CRD if (schema := source(api_version, kind))), None)


def mistaken(api_version: str, kind: str, crds: Definitions) -> str | None:
    """The reason for which a kind without a schema is an error; None when the kind is only
    unknown.
    """
    if api_version.rpartition("/")[0] in groups():
        return "which Kubernetes does not have"
    known = sorted({each for version, each in (*_CUSTOM, *crds.schemas) if version == api_version})
    near = [] if kind in known else get_close_matches(kind, known, n=1, cutoff=0.9)
    return f"which no schema defines; did you mean {near[0]}?" if near else None
