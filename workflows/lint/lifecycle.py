"""Everything ends: deadlines, retries that know what to retry, pods and workflows that go, cron
jobs that do not pile up, delivery.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelmedic.workflows.lint.findings import CheckResult, Finding, result
from modelmedic.workflows.lint.objects import Objects, Thing
from modelmedic.workflows.lint.pods import runs

_LABELS: Final = tuple(f"app.kubernetes.io/{name}" for name in ("name", "component", "part-of", "managed-by"))
_TTL: Final = 7 * 86400  # longer than the bus keeps an event
_LIMITS: Final = {"CronWorkflow": 52, "WorkflowTemplate": 63}


def lifecycle(objects: Objects) -> CheckResult:
    seen = [thing for thing in objects.workflows if not thing.within]
    return result("lifecycle", seen, (thing.finding(sentence) for thing in seen for sentence in _ends(thing)))


def retries(objects: Objects) -> CheckResult:
    seen = [(thing, template) for thing in objects.workflows for template in thing.templates if runs(template)]
    findings = (thing.finding(sentence, f"template {template.get('name')}") for thing, template in seen for sentence in _retry(template))
    return result("retries", seen, findings)


def delivery(objects: Objects) -> CheckResult:
    """Delivery at least once, with retries and a dead letter; a webhook that asks for a token."""
    seen = objects.of("Sensor", "EventSource")
    findings: list[Finding] = []
    for thing in seen:
        findings += (thing.finding(sentence) for sentence in (_sensor(thing) if thing.kind == "Sensor" else _source(thing)))
    return result("delivery", seen, findings)


def labels(objects: Objects) -> CheckResult:
    """Recommended labels, and which program wrote it; names inside what Argo allows."""
    seen = [thing for thing in objects.all if not thing.within]
    findings: list[Finding] = []
    for thing in seen:
        missing = [label for label in _LABELS if label not in (thing.metadata.get("labels") or {})]
        if missing:
            findings.append(thing.finding(f"lacks the labels {', '.join(missing)}"))
        if "modelmedic.io/generator" not in (thing.metadata.get("annotations") or {}):
            findings.append(thing.finding("does not say what wrote it; expected the annotation modelmedic.io/generator"))
        longest = _LIMITS.get(thing.kind, 253)
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", thing.name) or len(thing.name) > longest:
            findings.append(thing.finding(f"has a name of {len(thing.name)} characters; expected 1 to {longest} of a-z, 0-9 and dashes"))
    return result("labels", seen, findings)


def _ends(thing: Thing) -> Iterator[str]:
    spec = thing.workflow_spec
    if not spec.get("activeDeadlineSeconds"):
        yield "has no deadline; expected activeDeadlineSeconds"
    if thing.name.startswith("heal-") and not (spec.get("onExit") or (spec.get("hooks") or {}).get("exit")):
        yield "closes no incident when it ends; expected an exit hook"
    if not spec.get("podGC"):
        yield "keeps its pods for ever; expected podGC"
    ttl = spec.get("ttlStrategy") or {}
    for field in ("secondsAfterSuccess", "secondsAfterFailure"):
        if int(ttl.get(field) or 0) < _TTL:
            yield f"is gone after {ttl.get(field)} seconds ({field}); expected at least {_TTL}, longer than an event is kept"
    for template in thing.templates:
        if runs(template) and not template.get("activeDeadlineSeconds"):
            yield f"template {template.get('name')} has no deadline; expected activeDeadlineSeconds"
    if thing.kind == "CronWorkflow" and thing.spec.get("concurrencyPolicy") != "Forbid":
        yield f"has the concurrencyPolicy {thing.spec.get('concurrencyPolicy')}; expected Forbid"


def _retry(template: Mapping[str, Any]) -> Iterator[str]:
    retry = template.get("retryStrategy") or {}
    expression = str(retry.get("expression", ""))
    if "== 75" not in expression or "exitCode) == -1" not in expression:
        yield f"tries again by {expression or 'no rule'!r}; expected exit code 75 and lost pods alone"
    if not retry.get("limit") or int(retry["limit"]) > 5:
        yield f"tries again {retry.get('limit') or 'for ever'} times; expected 1 to 5"
    if not (retry.get("backoff") or {}).get("duration"):
        yield "tries again at once; expected a backoff"


def _sensor(sensor: Thing) -> Iterator[str]:
    for trigger in sensor.spec.get("triggers") or []:
        name = (trigger.get("template") or {}).get("name")
        if trigger.get("atLeastOnce") is not True:
            yield f"trigger {name} is at most once, and its retries are never made; expected atLeastOnce: true"
        if not (trigger.get("retryStrategy") or {}).get("steps"):
            yield f"trigger {name} has no retryStrategy"
        if not trigger.get("dlqTrigger"):
            yield f"trigger {name} has no dlqTrigger: what cannot be delivered is lost without a word"
        elif trigger["dlqTrigger"].get("atLeastOnce") is not True:
            yield f"trigger {name} has a dlqTrigger that is at most once, for which the controller refuses the whole Sensor"
        if trigger.get("rateLimit"):
            yield f"trigger {name} has a rateLimit, which turns a storm into a backlog of stale heals"


def _source(source: Thing) -> Iterator[str]:
    for name, webhook in (source.spec.get("webhook") or {}).items():
        if not (webhook.get("authSecret") or {}).get("name"):
            yield f"webhook {name} lets anybody in; expected authSecret"
        if not webhook.get("maxPayloadSize"):
            yield f"webhook {name} takes a body of any size; expected maxPayloadSize"
