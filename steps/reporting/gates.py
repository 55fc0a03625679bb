"""The gates of a challenger and the measures of both models, side by side."""

from collections.abc import Mapping
from typing import Any

from modelmedic.steps.contracts.training import Gate
from modelmedic.steps.reporting.pictures.strips import extent, strip
from modelmedic.steps.reporting.pictures.text import short, words
from modelmedic.steps.reporting.story import Story

_OTHER_UNIT = ("ranking", "fairness")  # gates of another metric than the rest; a column's name follows a colon
_READABLE = 0.15  # share of an axis


def gates_section(story: Story) -> Mapping[str, Any]:
    tried = story.validation
    if tried is None:
        return {"gates": None, "versus": [], "measures": [], "against": None}
    failed = [gate for gate in tried.gates if not gate.passed]
    sentence = f"Version {short(tried.version)} passed every gate." if tried.passed else _failed(failed, len(tried.gates))
    versus, measures = _versus(tried.metrics)
    rows = [{"name": g.name, "passed": g.passed, "sentence": g.sentence, "strip": strip(g, _shared(g, tried.gates))} for g in tried.gates]
    gates = {"sentence": sentence, "version": tried.version, "rows": rows}
    return {"gates": gates, "versus": versus, "measures": measures, "against": story.validated_against}


def _failed(failed: list[Gate], count: int) -> str:
    if not failed:
        return "No gate was asked."
    return f"{len(failed)} of {count} gates failed, so the champion stays: {', '.join(words(gate.name) for gate in failed[:5])}."


def _shared(gate: Gate, gates: tuple[Gate, ...]) -> tuple[float, float] | None:
    """Gates with an interval are gains in one metric and share an axis, unless a gate would be too
    small to read on it.
    """
    family = tuple(g for g in gates if g.low is not None and g.high is not None and g.name.partition(":")[0] not in _OTHER_UNIT)
    if gate not in family or len(family) < 2:
        return None
    (low, high), (least, most) = extent(family), extent((gate,))
    return (low, high) if most - least >= _READABLE * (high - low) else None


def _versus(metrics: Mapping[str, float]) -> tuple[list[Mapping[str, Any]], list[tuple[str, float]]]:
    """Measures that both models have, side by side, and the others."""
    names = [name.removeprefix("challenger_") for name in metrics if name.startswith("challenger_")]
    both = [name for name in names if f"champion_{name}" in metrics]
    rows: list[Mapping[str, Any]] = []
    for name in both:
        champion, challenger = metrics[f"champion_{name}"], metrics[f"challenger_{name}"]
        rows.append({"name": name, "champion": champion, "challenger": challenger, "difference": challenger - champion})
    used = {f"{who}_{name}" for name in both for who in ("champion", "challenger")}
    return rows, [(name, value) for name, value in metrics.items() if name not in used]
