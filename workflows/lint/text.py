"""Checks of text that must not be in a manifest: templates where code is, inline scripts, secrets,
a Sensor that picks one alert.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelmedic.workflows.lint.findings import CheckResult, Finding, result
from modelmedic.workflows.lint.objects import Objects, Thing
from modelmedic.workflows.lint.pods import pods

_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "zsh", "/bin/sh", "/bin/bash", "/bin/ash"})
_ONE_ALERT: Final = re.compile(r"alerts\.[0-9#@]|commonLabels|groupLabels")
_SECRETS: Final = {
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "a GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}\b"),
    "a JSON web token": re.compile(r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\."),
    "a password in a URL": re.compile(r"\b[a-z][a-z0-9+]{1,10}://[^/\s:@{}\"']+:[^/\s:@{}\"']+@"),
    "a bearer token": re.compile(r"(?i)\bbearer\s+[a-z0-9._\-]{20,}"),
}


def no_code_from_parameters(objects: Objects) -> CheckResult:
    """Argo substitutes text: where there is code, nothing may be substituted, and there is no
    inline code at all.
    """
    seen = pods(objects)
    findings: list[Finding] = []
    for pod in seen:
        for container in pod.containers:
            name = container.get("name", "")
            if "{{" in json.dumps([container.get("command"), container.get("source")]):
                findings.append(pod.finding("has {{ in its command or source; expected it in args alone", name))
            if "source" in container:
                findings.append(pod.finding("is an inline script; expected a command of an image", name))
            command = [str(word) for word in container.get("command") or []]
            if command and command[0] in _SHELLS and pod.thing.workflow_spec:
                findings.append(pod.finding(f"runs {command[0]}, which would read a parameter as code; expected a program", name))
            findings += (pod.finding(sentence, name) for sentence in _arguments(container))
    return result("no-code-from-parameters", seen, findings)


def no_overrides(objects: Objects) -> CheckResult:
    """Nothing goes round the other checks: no patches of pod specs, raw resources, HTTP and plug-in
    templates, expression tags.
    """
    findings: list[Finding] = []
    for thing in objects.workflows:
        if "{{=" in json.dumps(thing.document):
            findings.append(thing.finding("has an expression tag {{=, which the controller evaluates; expected plain tags"))
        for level in (thing.workflow_spec, *thing.templates):
            place = f"template {level['name']}" if "name" in level else ""
            findings += (
                thing.finding(f"has {field}; expected none", place)
                for field in ("podSpecPatch", "resource", "http", "plugin", "hostNetwork", "hostAliases")
                if level.get(field)
            )
    return result("no-overrides", objects.workflows, findings)


def no_secrets_in_text(tree: Mapping[str, str]) -> CheckResult:
    """Every file, whatever is in it."""
    findings = [
        Finding(file, f"line {text.count(chr(10), 0, match.start()) + 1}", f"holds {name}; expected a reference to a Secret")
        for file, text in tree.items()
        for name, pattern in _SECRETS.items()
        for match in pattern.finditer(text)
    ]
    return result("no-secrets-in-text", list(tree), findings)


def whole_alerts(objects: Objects) -> CheckResult:
    """A Sensor passes the whole body, encoded, and to a raw artifact alone."""
    seen = objects.of("Sensor")
    return result("whole-alerts", seen, (sensor.finding(sentence) for sensor in seen for sentence in _whole(sensor)))


def _arguments(container: Mapping[str, Any]) -> Iterator[str]:
    for argument in map(str, container.get("args") or []):
        tags = argument.count("{{")
        if tags and not re.fullmatch(r"--[a-z_-]+=\{\{[^{}]+\}\}", argument):
            yield f"has the argument {argument!r}; expected one --flag={{{{…}}}} for each, so that no value is split or read as a flag"


def _whole(sensor: Thing) -> Iterator[str]:
    for dependency in sensor.spec.get("dependencies") or []:
        if dependency.get("filters") or dependency.get("transform"):
            yield "filters or transforms its dependency; what fails there is dropped without a word"
    for trigger in sensor.spec.get("triggers") or []:
        template = trigger.get("template") or {}
        parameters = [*(trigger.get("parameters") or []), *((template.get("k8s") or {}).get("parameters") or [])]
        if not parameters:
            yield f"trigger {template.get('name')} passes nothing on; expected the whole body"
        for parameter in parameters:
            source, target = parameter.get("src") or {}, str(parameter.get("dest", ""))
            told = json.dumps(source)
            if _ONE_ALERT.search(told) or source.get("dataKey"):
                yield f"passes a part of the body ({told}); every other alert would be dropped"
            if source.get("useRawData"):
                yield "has useRawData, with which an alert could change the structure of what is created"
            if not re.fullmatch(r"\{\{ \.Input\.body \| toJson \| b64enc \}\}", str(source.get("dataTemplate", ""))):
                yield f"passes {told} to {target}; expected the whole body in base64, in which Argo finds no tag"
            if not re.fullmatch(r"spec\.arguments\.artifacts\.0\.raw\.data", target):
                yield f"writes to {target}; expected spec.arguments.artifacts.0.raw.data"
