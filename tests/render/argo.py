"""Enough of Argo's controller to walk a rendered DAG: depends, when, what a skipped node leaves, in
its own words.
"""

import re
from collections.abc import Mapping
from typing import Any

Outputs = Mapping[str, Mapping[str, str]]  # what each task would answer, by output

_TAG = re.compile(r"\{\{(?P<tag>[^}]+)\}\}")
_RESULT = re.compile(r"([a-z][a-z-]*)\.(Succeeded|Skipped|Omitted|Failed|Errored)\b")


class AbsentOptionalError(Exception):
    """The error with which a workflow of Argo 4.1 ends: a text that needs the output of a node that
    never ran and declared no default.
    """


def walk(template: Mapping[str, Any], answers: Outputs) -> dict[str, str]:
    """The phase of each task of the entry DAG: Succeeded, Skipped (its `when` was false) or Omitted
    (its `depends` was).
    """
    by_name = {each["name"]: each for each in template["spec"]["templates"]}
    phases: dict[str, str] = {}
    for task in by_name[template["spec"]["entrypoint"]]["dag"]["tasks"]:
        if not _true(_RESULT.sub(lambda match: str(phases[match[1]] == match[2]), task.get("depends", "True"))):
            phases[task["name"]] = "Omitted"
        elif not _true(_TAG.sub(lambda match: _value(match["tag"], phases, answers, by_name), task.get("when", "True"))):
            phases[task["name"]] = "Skipped"
        else:
            for given in task.get("arguments", {}).get("parameters", []):
                _TAG.sub(lambda match: _value(match["tag"], phases, answers, by_name), given["value"])
            phases[task["name"]] = "Succeeded"
    return phases


def _value(tag: str, phases: Mapping[str, str], answers: Outputs, templates: Mapping[str, Any]) -> str:
    if tag.startswith("inputs.parameters."):
        return "given"
    _, task, *rest = tag.split(".")
    if rest == ["status"]:
        return phases[task]
    assert rest[:2] == ["outputs", "parameters"], tag
    if phases[task] == "Succeeded":
        return answers[task][rest[2]]
    declared = {each["name"]: each for each in templates[task]["outputs"]["parameters"]}
    default = declared[rest[2]]["valueFrom"].get("default")
    if default is None:
        raise AbsentOptionalError(tag)
    return str(default)


def _true(expression: str) -> bool:
    """Comparisons, `&&`, `||` and brackets over quoted texts."""
    assert re.fullmatch(r"[\w\s'()=&|.\-]+", expression), expression
    return bool(eval(expression.replace("&&", " and ").replace("||", " or "), {"__builtins__": {}}))
