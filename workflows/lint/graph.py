"""DAGs that mean what they say: named results, no value of a stage that never ran, no approval that
passes by itself.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelmedic.workflows.lint.findings import CheckResult, Finding, result
from modelmedic.workflows.lint.objects import Objects, Thing

_RESULT: Final = r"(?:Succeeded|Skipped|Failed|Errored|Omitted|Daemoned|AnySucceeded|AllFailed)"
_NAMED: Final = re.compile(rf"([A-Za-z0-9-]+)\.({_RESULT})\b")
_RAN: Final = re.compile(r"\s*([A-Za-z0-9-]+)\.Succeeded\s*")
_RAN_OR_SKIPPED: Final = re.compile(r"\s*\(\s*([A-Za-z0-9-]+)\.Succeeded\s*\|\|\s*\1\.Skipped\s*\)\s*")
_OUTPUT: Final = re.compile(r"\{\{\s*tasks\.([A-Za-z0-9-]+)\.outputs\.parameters\.([A-Za-z0-9_-]+)\s*\}\}")


def graphs(objects: Objects) -> CheckResult:
    seen = [(thing, template) for thing in objects.workflows for template in thing.templates if "dag" in template]
    return result("graphs", seen, (finding for thing, template in seen for finding in _graph(thing, template)))


def approvals(objects: Objects) -> CheckResult:
    """A suspended node whose time is over ends as Succeeded: its output then must be a
    rejection.
    """
    seen = [(thing, template) for thing in objects.workflows for template in thing.templates if "suspend" in template]
    findings = (thing.finding(sentence, f"template {template.get('name')}") for thing, template in seen for sentence in _approval(template))
    return result("approvals", seen, findings)


def _graph(thing: Thing, template: Mapping[str, Any]) -> Iterator[Finding]:
    by_name = {each.get("name"): each for each in thing.templates}
    tasks = {task.get("name"): task for task in template["dag"].get("tasks") or []}
    for name, task in tasks.items():
        place = f"task {name}"
        yield from (thing.finding(sentence, place) for sentence in _depends(task, tasks))
        yield from (thing.finding(sentence, place) for sentence in _values(task, tasks, by_name))
        target = by_name.get(task.get("template"))
        if target is None:
            yield thing.finding(f"runs the template {task.get('template')}, which does not exist", place)
        else:
            yield from (thing.finding(sentence, place) for sentence in _given(task, target))


def _depends(task: Mapping[str, Any], tasks: Mapping[Any, Any]) -> Iterator[str]:
    if task.get("dependencies"):
        yield "has dependencies, which also follow a skipped task; expected depends with a named result"
    if task.get("continueOn"):
        yield "goes on after a failure; expected none"
    text = str(task.get("depends", ""))
    for name, _ in _NAMED.findall(text):
        if name not in tasks:
            yield f"depends on {name}, which does not exist"
    bare = re.findall(r"[A-Za-z0-9-]+", _NAMED.sub("", text))
    for name in bare:
        yield f"depends on {name} without a result, which also follows a skipped task; expected {name}.Succeeded"


def _surely_ran(task: Mapping[str, Any], tasks: Mapping[Any, Any]) -> set[str]:
    """The tasks that have succeeded whenever this one starts: those that stand in `depends` as a
    clause of their own, and theirs.

    A skipped task had what it depends on, or it would have been omitted.
    """
    found: set[str] = set()
    for clause in str(task.get("depends", "")).split("&&"):
        match = _RAN.fullmatch(clause) or _RAN_OR_SKIPPED.fullmatch(clause)
        if match and match[1] in tasks:
            found |= _surely_ran(tasks[match[1]], tasks)
            found |= {match[1]} if match.re is _RAN else set()
    return found


def _values(task: Mapping[str, Any], tasks: Mapping[Any, Any], templates: Mapping[Any, Any]) -> Iterator[str]:
    sure = _surely_ran(task, tasks)
    given = [str(each.get("value", "")) for each in (task.get("arguments") or {}).get("parameters") or []]
    for text, decides in [*((value, False) for value in given), (str(task.get("when", "")), True)]:
        for name, output in _OUTPUT.findall(text):
            declared = {each.get("name"): each for each in _outputs(templates.get((tasks.get(name) or {}).get("template")))}
            if output not in declared:
                yield f"uses {name}.{output}, which {name} does not declare"
            elif name not in sure and not decides:
                yield f"takes {output} from {name}, which may have been skipped and would give an empty text"
            elif name not in sure and "default" not in (declared[output].get("valueFrom") or {}):
                yield f"decides by {output} of {name}, which may have been skipped and declares no default"


def _given(task: Mapping[str, Any], target: Mapping[str, Any]) -> Iterator[str]:
    given = {each.get("name") for each in (task.get("arguments") or {}).get("parameters") or []}
    for wanted in (target.get("inputs") or {}).get("parameters") or []:
        if wanted.get("name") not in given and "default" not in wanted and "value" not in wanted:
            yield f"gives no {wanted.get('name')} to {target.get('name')}"


def _outputs(template: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return ((template or {}).get("outputs") or {}).get("parameters") or []


def _approval(template: Mapping[str, Any]) -> Iterator[str]:
    outputs = _outputs(template)
    if not (template["suspend"] or {}).get("duration"):
        yield "waits for ever; expected a duration"
    if not outputs:
        yield "asks nothing; expected an output that is supplied by a person"
    inputs = {each.get("name"): each for each in (template.get("inputs") or {}).get("parameters") or []}
    for each in outputs:
        said = (each.get("valueFrom") or {}).get("default")
        asked = inputs.get(each.get("name")) or {}
        if said != "rejected" or asked.get("default") != "rejected":
            yield f"says {said or asked.get('default')!r} when nobody answers; expected rejected, as the output's default and the form's"
        if "rejected" not in (asked.get("enum") or []):
            yield "has no list of answers with rejected among them"
