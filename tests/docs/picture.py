"""The picture of the architecture, drawn from the imports as they are.

python -m tests.docs.picture      writes docs/architecture.svg (`make architecture`)
"""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import grimp

FILE = Path(__file__).parents[2] / "docs" / "architecture.svg"
_WIDTH, _BOX, _HIGH, _GAP, _ROW, _LEFT = 1120.0, 118.0, 34.0, 12.0, 74.0, 16.0
_STYLE = """
svg{background:#fff}text{font:12px system-ui,sans-serif;fill:#1a2027;text-anchor:middle}
.steps rect{fill:#e4f0f9;stroke:#0a6fb5}.workflows rect{fill:#fbf1d8;stroke:#8f6200}.api rect{fill:#e2f3ee;stroke:#00785c}
path{fill:none;stroke:#8a94a0;stroke-width:1}.small{font-size:10px;fill:#57616d}
"""
Arrows = Mapping[str, frozenset[str]]


def packages() -> dict[str, frozenset[str]]:
    """The imports of packages by packages, below `steps`, `workflows` and `api`; imports for type
    checking are left out.
    """
    graph = grimp.build_graph("modelmedic", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        package = _package(module)
        if package is None:
            continue
        found.setdefault(package, set())
        targets = {_package(each) for each in graph.find_modules_directly_imported_by(module)}
        found[package] |= {each for each in targets if each is not None and each != package}
    return {name: frozenset(targets) for name, targets in sorted(found.items())}


def levels(arrows: Arrows) -> dict[str, int]:
    """The floor of each package: one above the highest that it imports. An import back up, which
    the contracts forbid, is passed over.
    """
    known: dict[str, int] = {}

    def level(name: str, above: tuple[str, ...]) -> int:
        if name not in known:
            below = [level(each, (*above, name)) for each in sorted(arrows[name]) if each not in above and each != name]
            known[name] = 1 + max(below, default=-1)
        return known[name]

    for name in sorted(arrows):
        level(name, ())
    return known


def plain(arrows: Arrows, high: Mapping[str, int]) -> list[tuple[str, str]]:
    """The arrows that no longer way implies."""
    below: dict[str, frozenset[str]] = {}
    for name in sorted(arrows, key=lambda each: high[each]):
        direct = [each for each in arrows[name] if high[each] < high[name]]
        below[name] = frozenset(direct).union(*(below[each] for each in direct))
    kept = []
    for name, targets in arrows.items():
        lower = [each for each in targets if high[each] < high[name]]
        implied = frozenset().union(*(below[each] for each in lower)) if lower else frozenset()
        kept += [(name, each) for each in sorted(lower) if each not in implied]
    return kept


def drawn() -> str:
    """The SVG: a row for each level, the lowest at the foot."""
    arrows = packages()
    high = levels(arrows)
    rows: dict[int, list[str]] = {}
    for name in sorted(arrows, key=_order):
        rows.setdefault(high[name], []).append(name)
    places = {name: _place(row, index, len(rows[row]), max(rows)) for row in rows for index, name in enumerate(rows[row])}
    height = _ROW * (max(rows) + 1) + 40
    parts = [f"<style>{_STYLE}</style>", *_lines(plain(arrows, high), places), *_boxes(places)]
    note = "An arrow is an import; those that follow from others are left out. Drawn by make architecture."
    parts.append(f'<text class="small" x="{_WIDTH / 2}" y="{height - 10:.0f}">{note}</text>')
    box = f'viewBox="0 0 {_WIDTH:.0f} {height:.0f}" width="{_WIDTH:.0f}" height="{height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" aria-label="packages and their imports">'
    return "\n".join([head, *parts, "</svg>", ""])


def _package(module: str) -> str | None:
    """The package that a module counts to; None for the roots, which hold nothing."""
    words = module.split(".")[1:]
    if words[:1] == ["api"]:
        return "api"
    return ".".join(words[:2]) if len(words) > 1 and words[0] in ("steps", "workflows") else None


def _order(name: str) -> tuple[int, str]:
    return ({"workflows": 1, "api": 2}.get(name.split(".")[0], 0), name)


def _place(row: int, index: int, count: int, top: int) -> tuple[float, float]:
    """The middle of a box."""
    step = min(_BOX + _GAP, (_WIDTH - 2 * _LEFT) / count)
    return _WIDTH / 2 + (index - (count - 1) / 2) * step, 30 + (top - row) * _ROW


def _lines(kept: Iterable[tuple[str, str]], places: Mapping[str, tuple[float, float]]) -> Iterable[str]:
    for start, end in kept:
        (x, y), (to_x, to_y) = places[start], places[end]
        y, to_y = y + _HIGH / 2, to_y - _HIGH / 2
        middle = (y + to_y) / 2
        curve = f"M{x:.0f} {y:.0f}C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y:.0f}"
        yield f'<path d="{curve}"><title>{start} → {end}</title></path>'


def _boxes(places: Mapping[str, tuple[float, float]]) -> Iterable[str]:
    for name, (x, y) in places.items():
        kind, _, short = name.partition(".")
        box = f'<rect x="{x - _BOX / 2:.0f}" y="{y - _HIGH / 2:.0f}" width="{_BOX:.0f}" height="{_HIGH:.0f}" rx="6"/>'
        yield f'<g class="{kind}"><title>{name}</title>{box}<text x="{x:.0f}" y="{y + 4:.0f}">{escape(short or kind)}</text></g>'


if __name__ == "__main__":
    FILE.write_text(drawn(), encoding="utf-8")
