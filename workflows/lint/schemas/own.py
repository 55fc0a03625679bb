"""Schemas of our own for kinds that no package describes: the fields that this program renders, or
that its overlays use, and no more.

A field that is right but missing here is a finding; `--crds` puts the cluster's own definition in
the place of such a schema.
"""

from functools import cache
from typing import Any, Final

from modelmedic.workflows.lint.schemas.kubernetes import DEFINITIONS, shared_types
from modelmedic.workflows.lint.schemas.schema import Schema, compiled

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_WHOLE_NUMBER: Final = {"type": "integer"}
_FLAG: Final = {"type": "boolean"}
_DURATION: Final = {"type": "string", "pattern": r"^(0|([0-9]+(ms|[smhdwy]))+)$"}


def _fields(required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def _list_of(item: Any) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _shared(name: str) -> dict[str, Any]:
    return {"$ref": f"{DEFINITIONS}#/$defs/io.k8s.{name}"}


_BUS_CONTAINER: Final = _fields(
    resources=_shared("api.core.v1.ResourceRequirements"), securityContext=_shared("api.core.v1.SecurityContext"), imagePullPolicy=_TEXT
)
_BUS: Final = _fields(
    jetstreamExotic=_fields(("url",), url=_TEXT, streamConfig=_TEXT, accessSecret=_shared("api.core.v1.SecretKeySelector")),
    jetstream=_fields(
        ("version",),
        version=_TEXT,
        replicas=_WHOLE_NUMBER,
        streamConfig=_TEXT,
        securityContext=_shared("api.core.v1.PodSecurityContext"),
        containerTemplate=_BUS_CONTAINER,
        reloaderContainerTemplate=_BUS_CONTAINER,
        metricsContainerTemplate=_BUS_CONTAINER,
        persistence=_fields(storageClassName=_TEXT, accessMode=_TEXT, volumeSize=_TEXT),
    ),
)
_RULE: Final = _fields(
    ("expr",),
    alert=_TEXT,
    record=_TEXT,
    expr={"type": ["string", "integer"]},
    keep_firing_for=_DURATION,
    labels=_TEXTS,
    annotations=_TEXTS,
    **{"for": _DURATION},
)
_RULES: Final = _fields(groups=_list_of(_fields(("name",), name=_TEXT, interval=_DURATION, rules=_list_of(_RULE))))
_POD_MONITOR: Final = _fields(
    ("selector", "podMetricsEndpoints"),
    namespaceSelector=_fields(any=_FLAG, matchNames=_list_of(_TEXT)),
    selector=_shared("apimachinery.pkg.apis.meta.v1.LabelSelector"),
    podMetricsEndpoints=_list_of(
        _fields(port=_TEXT, path=_TEXT, interval=_DURATION, scrapeTimeout=_DURATION, scheme={"enum": ["http", "https", "HTTP", "HTTPS"]})
    ),
)
_MATCHERS: Final = _list_of(_fields(("name",), name=_TEXT, value=_TEXT, matchType={"enum": ["=", "!=", "=~", "!~"]}))
_WEBHOOK: Final = _fields(
    url=_TEXT,
    urlSecret=_shared("api.core.v1.SecretKeySelector"),
    sendResolved=_FLAG,
    maxAlerts=_WHOLE_NUMBER,
    httpConfig=_fields(
        authorization=_fields(type=_TEXT, credentials=_shared("api.core.v1.SecretKeySelector")),
        followRedirects=_FLAG,
    ),
)
_ALERTMANAGER_CONFIG: Final = _fields(
    route=_fields(
        ("receiver",),
        receiver=_TEXT,
        groupBy=_list_of(_TEXT),
        groupWait=_DURATION,
        groupInterval=_DURATION,
        repeatInterval=_DURATION,
        matchers=_MATCHERS,
        **{"continue": _FLAG},
    ),
    inhibitRules=_list_of(_fields(sourceMatch=_MATCHERS, targetMatch=_MATCHERS, equal=_list_of(_TEXT))),
    receivers=_list_of(_fields(("name",), name=_TEXT, webhookConfigs=_list_of(_WEBHOOK))),
)
_REMOTE: Final = _fields(("key",), key=_TEXT, property=_TEXT, version=_TEXT, decodingStrategy=_TEXT, conversionStrategy=_TEXT)
_SECRET_TEMPLATE: Final = _fields(
    type=_TEXT, engineVersion=_TEXT, mergePolicy=_TEXT, data=_TEXTS, metadata=_fields(labels=_TEXTS, annotations=_TEXTS)
)
_EXTERNAL_SECRET: Final = _fields(
    refreshInterval=_DURATION,
    secretStoreRef=_fields(("name",), name=_TEXT, kind={"enum": ["SecretStore", "ClusterSecretStore"]}),
    target=_fields(
        name=_TEXT,
        creationPolicy={"enum": ["Owner", "Orphan", "Merge", "None"]},
        deletionPolicy={"enum": ["Delete", "Merge", "Retain"]},
        immutable=_FLAG,
        template=_SECRET_TEMPLATE,
    ),
    data=_list_of(_fields(("secretKey", "remoteRef"), secretKey=_TEXT, remoteRef=_REMOTE)),
    dataFrom=_list_of(_fields(extract=_REMOTE)),
)
SPECS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("argoproj.io/v1alpha1", "EventBus"): _BUS,
    ("monitoring.coreos.com/v1", "PrometheusRule"): _RULES,
    ("monitoring.coreos.com/v1", "PodMonitor"): _POD_MONITOR,
    ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig"): _ALERTMANAGER_CONFIG,
    ("external-secrets.io/v1", "ExternalSecret"): _EXTERNAL_SECRET,
}


@cache
def own_schema(api_version: str, kind: str) -> Schema | None:
    """None for a kind of which this program renders nothing."""
    spec = SPECS.get((api_version, kind))
    if spec is None:
        return None
    whole = _fields(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"enum": [api_version]},
        kind={"enum": [kind]},
        metadata=_shared("apimachinery.pkg.apis.meta.v1.ObjectMeta"),
        spec=spec,
    )
    return compiled("this program's own list of fields", whole, shared_types())
