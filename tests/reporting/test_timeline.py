"""The year's picture says what was measured and what was done, in words that stay apart."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from modelmedic.examples.flights.timeline import Mark, Point, timeline
from modelmedic.steps.contracts.window import Window

_SVG = "{http://www.w3.org/2000/svg}"


def month(number: int) -> datetime:
    return datetime(2013 + (number - 1) // 12, (number - 1) % 12 + 1, 1, tzinfo=UTC)


def points(healed: float | None = 0.7) -> list[Point]:
    return [Point(Window(month(n), month(n + 1)), 0.69 - 0.005 * n, healed) for n in range(3, 13)]


def texts(picture: bytes) -> list[tuple[float, float, str]]:
    """The start of each text, in points from the top left, and what it says."""
    found = []
    for element in ElementTree.fromstring(picture.decode()).iter(f"{_SVG}text"):
        place = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform") or "") or re.search(
            r"([-\d.]+), ([-\d.]+)\)", element.get("transform") or ""
        )
        x, y = (float(place[1]), float(place[2])) if place else (float(element.get("x") or 0), float(element.get("y") or 0))
        found.append((x, y, "".join(element.itertext())))
    return found


def test_lines_are_named_at_their_ends_with_their_last_value() -> None:
    said = [text for _, _, text in texts(timeline(points(), [], metric="AUC"))]
    assert "frozen 0.63" in [re.sub(r"0$", "", text) for text in said]
    assert "healed 0.700" in said


def test_every_mark_is_told_in_words() -> None:
    marks = [Mark(month(5), "healed", "retrained, v2"), Mark(month(9), "rolled_back", "bad release taken back")]
    said = [text for _, _, text in texts(timeline(points(), marks, metric="AUC"))]
    assert {"retrained, v2", "bad release taken back"} <= set(said)


def test_what_was_set_aside_is_shaded_and_named_once() -> None:
    weeks = [Window(month(10) + timedelta(days=7 * n), month(10) + timedelta(days=7 * n + 7)) for n in range(3)]
    marks = [Mark(week.end, "quarantined", "broken", week) for week in weeks]
    said = [text for _, _, text in texts(timeline(points(), marks, metric="AUC"))]
    assert said.count("set aside") == 1


def test_labels_of_many_marks_do_not_touch() -> None:
    marks = [Mark(month(4) + timedelta(days=5 * n), "rejected", f"challenger {n} rejected by its gate") for n in range(30)]
    rows: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in texts(timeline(points(), marks, metric="AUC")):
        if text.startswith("challenger"):
            rows.setdefault(round(y), []).append((x, text))
    assert sum(len(row) for row in rows.values()) == 30
    for row in rows.values():
        for (x, text), (following, _) in zip(sorted(row), sorted(row)[1:], strict=False):
            assert x + 4.3 * len(text) < following  # 4.3 points are less than a letter of that size takes on average


@pytest.mark.parametrize("form", ["svg", "png"])
def test_same_values_same_bytes(form: str) -> None:
    marks = [Mark(month(5), "healed", "retrained")]
    first, second = (timeline(points(), marks, metric="AUC", form=form) for _ in range(2))  # type: ignore[arg-type]
    assert first == second
    assert first.startswith(b"<?xml" if form == "svg" else b"\x89PNG")


@pytest.mark.parametrize(
    "drawn",
    [
        ([], []),
        (points(None), []),
        (points(0.69)[:1], [Mark(month(3), "anything", "")]),
        ([], [Mark(month(3), "escalated", "nothing was measured")]),
        (points(), [Mark(month(14), "healed", r"$\frac{1}{0}$ <script>alert(1)</script> " + "x" * 5000)]),
    ],
    ids=["nothing", "no-healed", "one-point", "marks-only", "hostile"],
)
def test_whatever_there_is_can_be_drawn(drawn: tuple[list[Point], list[Mark]]) -> None:
    picture = timeline(*drawn, metric="AUC")
    assert not list(ElementTree.fromstring(picture.decode()).iter(f"{_SVG}script"))
    assert len(picture) < 200_000
