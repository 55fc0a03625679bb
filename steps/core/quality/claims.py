"""What is broken in the current window's columns, and how sure that is: every finding measured
against the stream's own past. The diagnosis and the doubt about single rows read it.

Two kinds of evidence are told apart. Some readings the world hardly ever makes: nulls, a value that
repeats itself, values that are on no grid on which the column's values always were. Others the
world makes every winter: a mean, a spread, a reach. Of those a column is accused only when it also
contradicts the other columns and the calendar, or when the labels have let go of it and of nothing
else. The number of readings that were looked at is paid for.

Learnt on bikes, air and weather as they are, looked at every second window, and with faults planted
into them; the numbers on the other streams stand in docs/how-we-decide.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from modelmedic.steps.contracts.detection import Problem, ProblemKind, Segment
from modelmedic.steps.core.quality.absent import absent_problems
from modelmedic.steps.core.quality.apart import error_segment, growth
from modelmedic.steps.core.quality.calendar import Clockwork, clockwork, contradiction
from modelmedic.steps.core.quality.checks import pair_problems
from modelmedic.steps.core.quality.conversions import find_conversion
from modelmedic.steps.core.quality.given import Errors, LabelWitness, as_numbers, clock_columns, errors, label_witness, read_errors, within
from modelmedic.steps.core.quality.late_rows import late_by
from modelmedic.steps.core.quality.past import Past, bits
from modelmedic.steps.core.quality.statistics import Reading, read
from modelmedic.steps.core.tables.arrays import Mask
from modelmedic.steps.core.tables.pairing import Column, Pair

_HARD = frozenset({"null", "pile", "rare run", "run", "novel", "values", "absurd"})
_GONE, _WHOLE = 0.3, 0.01  # of a column's values
_OF_ROWS = frozenset({"null", "pile", "novel", "absurd"})
_ROUGH = frozenset({"rough", "spread"})
_REACH = frozenset({"top", "bottom"})
_SURE_HARD = 4.0  # powers of ten above the price of the looks
_SURE_SOFT = 1.5
_SURE_GIVEN = 3.0  # powers of ten of the second witness
_LABELS_SPEAK = 1.0  # powers of ten; without them what moved alone is news of the world
_LEAST_REPLACED = 0.25  # of the window, since the first of the new codes
_DOUBT = 1.0
_LEAST_SHARE = 0.03  # of the rows
_LEAST_PILE = 0.15  # of the rows, gained by a value that the column has had before
_PILES = 2.5  # times the largest gain of any value in the past
_LEAST_ABSURD = 0.025  # a cloudburst is far outside of a dry month, in a row or two of a hundred
_LEAST_EXPLAINED = 0.1  # of a column's variance by the others, before they are asked
_LAW_CHANGED = 1.5  # powers of ten of the labels' errors, before columns are asked that look as ever
_MOST_LET_GO = 8
_LEAST_TOLD = 0.3  # of a column's variance by the others, before they contradict it alone
_GROWN = 1.5  # times the worst window of the past
_WINDOWS_TO_TELL, _MOST_ROWS = 8, 0.5
_LATE_GIVEN = 2.0  # powers of ten; with a growth of 1.5 no column of 86 windows as they are fits earlier rows better
_LARGE_UNIT, _ALL_ROWS = 9.9, 0.9  # a factor and a share of the rows that nothing beside the column need confirm
_DOUBTED_UNIT = 2.5  # powers of ten at most of a conversion that nothing beside it speaks for
_OF_WHOLE_DAYS = frozenset({"weekday", "day", "month", "year"})  # of the clock's phases
_MOST_JUDGED = 4  # columns for which the witnesses are asked
SCHEMA = frozenset({ProblemKind.MISSING_COLUMN, ProblemKind.TYPE_CHANGED})
_READINGS = {
    ProblemKind.NULL_JUMP: ("null",),
    ProblemKind.CONSTANT: ("pile", "run", "rare run", "values"),
    ProblemKind.DEFAULT_VALUE: ("pile", "rare run"),
    ProblemKind.CLIPPED: ("pile", "rare run"),
    ProblemKind.OUT_OF_RANGE: ("beyond", "top", "bottom"),
    ProblemKind.ROUNDED: ("values", "novel", "pile"),
    ProblemKind.UNSEEN_CATEGORIES: ("novel",),
    ProblemKind.TRUNCATED: ("vanished",),
}


@dataclass(frozen=True)
class Claim:
    """A finding with its evidence in powers of ten, what the looks cost taken off. `sure`: people
    are told; else the rows are only in doubt. `harms`: false where the labels err as much without
    the column, so that it is no explanation of a risen loss.
    """

    problem: Problem
    bits: float
    sure: bool
    harms: bool = True


@dataclass(frozen=True)
class Court:
    """What every claim of one window is judged with."""

    both: Pair
    past: Past

    @cached_property
    def clock(self) -> Clockwork:
        return clockwork(self.past)

    @cached_property
    def features(self) -> tuple[Column, ...]:
        """The columns that may say something of another one: no counters, and the clock's
        phases.
        """
        own = tuple(c for c in self.past.lore.columns if c.name not in self.clock.counters)
        return (*own, *clock_columns(self.past, frozenset(self.clock.phases.values())))

    @cached_property
    def labels(self) -> LabelWitness | None:
        return label_witness(self.past, self.features)

    @cached_property
    def readings(self) -> dict[str, dict[str, Reading]]:
        return {c.name: read(self.past, c) for c in self.past.lore.columns}

    @cached_property
    def price(self) -> float:
        """The powers of ten that a claim pays for the number of readings looked at."""
        return float(np.log10(max(sum(len(r) for r in self.readings.values()), 1)))

    def column(self, name: str) -> Column | None:
        return next((c for c in self.past.lore.columns if c.name == name), None)

    def given_others(self, column: Column, inside: tuple[Mask, Mask] | None = None) -> float:
        """The evidence in powers of ten that the column contradicts the others and the calendar;
        none where these never said what its values should be.
        """
        found = self.errors_of(column)
        if found is None or found.explained < _LEAST_EXPLAINED:
            return 0.0
        if inside is not None:
            found = within(found, inside)
        if min(len(found.current), len(found.past)) < 20:
            return 0.0
        return max(bits(p) for p in read_errors(self.past, found).values()) - 0.6

    def located(self, problem: Problem) -> Problem:
        """The problem with its segment, else with the one outside of which the column goes with the
        others as ever.
        """
        column = self.column(problem.column) if problem.column and problem.segment is None else None
        found = self.errors_of(column) if column is not None else None
        if column is None or found is None:
            return problem
        return replace(problem, segment=error_segment(self.past, found, column.name))

    def by_labels(self, column: Column) -> float:
        if self.labels is None:
            return 0.0
        if column.name not in self._against:
            self._against[column.name] = self.labels.against(self.past, column)
        return self._against[column.name]

    def errors_of(self, column: Column) -> Errors | None:
        """The errors of a memory of the column by all others and the clock."""
        if column.name not in self._errors:
            label = self.past.lore.target[0] if self.past.lore.target is not None else None
            others = [c for c in self.features if c.name != column.name]
            self._errors[column.name] = errors(self.past, others, as_numbers(column, label))
        return self._errors[column.name]

    @cached_property
    def _errors(self) -> dict[str, Errors | None]:
        """Those of a memory of each column by the others: forests, which several claims ask for."""
        return {}

    @cached_property
    def _against(self) -> dict[str, float]:
        return {}


def claims(court: Court, *, new_law: bool = False) -> tuple[Claim, ...]:
    """All claims about columns and rows, the most certain first. `new_law`: the inputs hold the
    labels as well as ever, in another way, so that no column was mixed up.
    """
    found: list[Claim] = []
    problems = pair_problems(court.both)
    found += [Claim(problem, 30.0, sure=True) for problem in problems if problem.kind in SCHEMA or lost(court.both, problem)]
    found += _contradicted(court)
    found += [Claim(problem, evidence, sure=True) for problem, evidence in absent_problems(court.past, court.clock.columns)]
    found += _readings(court)
    if not any(c.sure for c in found):
        found += _late(court)
    if not new_law and not any(c.sure for c in found):
        found += _let_go(court, {c.problem.column for c in found})
    named = {c.problem.column for c in found if c.sure}
    for problem in problems:
        if problem.kind not in SCHEMA and problem.column not in named:
            claim = _confirm(court, problem)
            if claim is not None:
                found.append(claim)
    return tuple(sorted(found, key=lambda c: (not c.sure, -c.bits, c.problem.column or "")))


def lost(pair: Pair, problem: Problem) -> bool:
    """True where a good part of a column's values is gone that the champion's reference has whole.
    No past makes that usual: a feed that broke before these rows and was seen by nobody is broken.
    """
    column = next((c for c in pair.columns if c.name == problem.column), None)
    if problem.kind is not ProblemKind.NULL_JUMP or column is None or problem.segment is not None:
        return False
    return problem.share > _GONE and column.null_share(column.reference) < _WHOLE


def _contradicted(court: Court) -> Iterator[Claim]:
    """Columns that contradict the clock."""
    for name, phase in court.clock.phases.items():
        column = court.column(name)
        if column is None:
            continue
        was, now, off = contradiction(court.past, column, phase)
        if now > 0.03 + 3 * was:
            detail = f"column {name} is not what the {phase} says in {now:.0%} of the rows, in the past in {was:.1%}"
            yield Claim(Problem(ProblemKind.REMAPPED, name, detail, now, _segment(court.both, column, off)), 10.0, sure=now > 0.1 + 5 * was)
        null = court.readings.get(name, {}).get("null")
        if null is not None and null.gained > _LEAST_SHARE and null.bits > court.price + _SURE_HARD:
            yield _claim(court, column, null, null.bits - court.price, sure=True)


def _readings(court: Court) -> Iterator[Claim]:
    """Columns whose own readings are unusual, and what the witnesses say of them."""
    suspects: list[tuple[float, Column, Reading]] = []
    for column in court.past.lore.columns:
        if column.name in court.clock.columns:
            continue
        unusual = [(_weight(column, r, court), r) for r in court.readings[column.name].values()]
        unusual = [(w, r) for w, r in unusual if w > court.price + _DOUBT]
        if unusual:
            best = max(unusual, key=lambda u: (u[0] + 0.01 * (u[1].name in _HARD), u[1].gained))
            suspects.append((best[0], column, best[1]))
    suspects.sort(key=lambda s: -s[0])
    judged = 0
    for weight, column, reading in suspects:
        net = weight - court.price
        if not column.numeric and reading.name == "novel":  # in place of old codes, or news
            yield _claim(court, column, reading, net, sure=net > _SURE_HARD and _replaced(court, column, None))
            continue
        if _hard(column, reading) and net > _SURE_HARD:
            hard = _claim(court, column, reading, net, sure=True)
            yield replace(hard, problem=court.located(hard.problem)) if reading.name == "novel" else hard
            continue
        if judged >= _MOST_JUDGED:
            continue
        judged += 1
        given = court.given_others(column)
        labels = court.by_labels(column) if given > 1.0 or net > _SURE_SOFT else 0.0
        heard = court.labels is None or labels > _LABELS_SPEAK  # else it moved alone, or is nothing to the labels: no harm is shown
        level = max(given, labels, (given + labels) * 0.8)
        claim = replace(_claim(court, column, reading, min(net, max(given, labels)), sure=False), harms=heard)
        apart = claim.problem.segment is not None and given > 2 * _SURE_GIVEN  # one code alone reaches where no row ever was
        twice = given > _SURE_GIVEN and court.past.windows >= _WINDOWS_TO_TELL  # the others say so, and know many windows
        rough = twice and net > _SURE_HARD and reading.name in _ROUGH  # no column becomes so alone; its level may
        sure = labels >= 0 and net > _SURE_SOFT and ((heard and level > _SURE_GIVEN) or apart or rough)
        sure = sure or (twice and _left_itself(court, column))
        if sure:
            claim = replace(claim, problem=court.located(claim.problem))
        if sure or max(given, labels) > 1.0 or _hard(column, reading):
            yield replace(claim, sure=sure)


def _left_itself(court: Court, column: Column) -> bool:
    """True where most values lie beyond all that the column ever was, at once."""
    beyond = court.readings[column.name].get("beyond")
    return beyond is not None and beyond.gained > _MOST_ROWS


def _late(court: Court) -> Iterator[Claim]:
    """Columns that fit the others of some rows before better than their own: joined late, though
    their own values look as ever. That the others contradict a column by far more than ever is no
    claim: a turbine gets a new filter.
    """
    if not court.past.timed or court.past.windows < _WINDOWS_TO_TELL:
        return  # beside a spring alone, the summer's temperature fits that of three days before
    columns = [c for c in court.past.lore.columns if c.name not in court.clock.columns]
    for column in columns[:_MOST_LET_GO]:
        found = court.errors_of(column)
        if found is None or found.explained < _LEAST_TOLD:
            continue
        grown, given = growth(court.past, found), court.given_others(column)
        rows, left = late_by(found) if grown > _GROWN and given > _LATE_GIVEN else (0, 1.0)
        if rows:
            fits = f"column {column.name} fits the other columns of {rows} row{'s'[: rows > 1]} before, with {1 - left:.0%} less error"
            yield Claim(Problem(ProblemKind.RELATION_BROKEN, column.name, f"{fits}: it is late", 1.0), max(given, _SURE_GIVEN), sure=True)


def _let_go(court: Court, named: set[str | None]) -> Iterator[Claim]:
    """Columns whose own values look as ever, when the labels no longer follow the inputs: one that
    the labels have let go of, and that contradicts the others, was joined wrongly or mixed.
    """
    if court.labels is None or court.labels.bits < _LAW_CHANGED:
        return
    columns = [c for c in court.past.lore.columns if c.name not in court.clock.columns and c.name not in named]
    for column in columns[:_MOST_LET_GO]:
        labels = court.by_labels(column)
        if labels > _SURE_GIVEN:
            given = court.given_others(column)
            detail = f"the labels and the other columns have let go of column {column.name}, whose own values look as ever"
            problem = Problem(ProblemKind.RELATION_BROKEN, column.name, detail, 0.5)
            yield Claim(problem, min(labels, given + 2), sure=given > _SURE_GIVEN)


def _weight(column: Column, reading: Reading, court: Court) -> float:
    """The powers of ten of a reading; none where too few rows are touched to matter."""
    if reading.name in ("null", "pile", "novel", "beyond") and reading.gained < _LEAST_SHARE:
        return 0.0
    if reading.name == "beyond":
        readings = court.readings[column.name]
        return min(reading.bits, max(readings[name].bits for name in _REACH if name in readings))
    if (reading.name == "values" and reading.gained > 0) or (reading.name == "absurd" and reading.gained < _LEAST_ABSURD):
        return 0.0
    return reading.bits


def _hard(column: Column, reading: Reading) -> bool:
    """True for what the world hardly ever does to a column. A reading that the column knows gains a
    share of the rows in a calm fortnight as well: 70 °F in a tenth of the hours of `weather`.
    """
    if reading.name == "pile" and column.numeric and _known(column, reading.about):
        most = float(np.nanmax(reading.history))
        if reading.gained < max(_LEAST_PILE, _PILES * most):
            return False
    return reading.name in _HARD if column.numeric else reading.name in ("null", "run", "rare run")


def _known(column: Column, value: float | None) -> bool:
    held = column.ordered[0]
    place = int(np.searchsorted(held, value)) if value is not None else len(held)
    return place < len(held) and bool(held[place] == value)


def _claim(court: Court, column: Column, reading: Reading, net: float, *, sure: bool) -> Claim:
    kind, share, detail = _words(column, reading)
    bad = _bad_rows(column, reading)
    segment = _segment(court.both, column, bad) if bad is not None else None
    where = f"where {segment.column} is {segment.value}, " if segment else ""
    return Claim(Problem(kind, column.name, where + detail, min(max(share, 0.0), 1.0), segment), net, sure)


def _words(column: Column, reading: Reading) -> tuple[ProblemKind, float, str]:
    name, gained = column.name, reading.gained
    if reading.name == "null":
        return ProblemKind.NULL_JUMP, gained, f"column {name} is {reading.value:.0%} null, its past was {reading.value - gained:.0%}"
    about = reading.about
    if reading.name in ("pile", "run", "rare run") and about is not None:
        value = f"{about:.6g}" if column.numeric or reading.name != "pile" else repr(column.vocabulary[int(about)])
        if reading.name == "pile":
            kind = ProblemKind.CONSTANT if gained > 0.3 else ProblemKind.DEFAULT_VALUE
            return kind, gained, f"column {name} is {value} in {gained:.0%} more of the rows than ever before"
        rows = 2**reading.value - 1
        return ProblemKind.CONSTANT, 0.2, f"column {name} has had one value for {rows:.0f} rows in sequence, longer than in all its past"
    if reading.name == "novel":
        if not column.numeric and about is not None and about >= 0:
            word = column.vocabulary[int(about)]
            return (
                ProblemKind.UNSEEN_CATEGORIES,
                reading.value,
                f"column {name} has {word!r}, which its past never had, in place of what it had",
            )
        return (
            ProblemKind.UNIT_CHANGE,
            reading.value,
            f"column {name} has values that it never had, between those that it always had, in {reading.value:.0%} of the rows",
        )
    if reading.name == "values":
        return ProblemKind.ROUNDED, 1.0, f"column {name} has far fewer different values than its past"
    if reading.name == "absurd":
        return (
            ProblemKind.OUT_OF_RANGE,
            gained,
            f"column {name} is further outside than its past is wide in {reading.value:.1%} of the rows",
        )
    if reading.name in ("beyond", "top", "bottom"):
        return ProblemKind.OUT_OF_RANGE, max(gained, 0.1), f"column {name} reaches further than it ever did, and the other columns do not"
    if not column.numeric:
        return ProblemKind.REMAPPED, max(gained, 0.1), f"the codes of column {name} are mixed as they never were, and nothing else says why"
    return (
        ProblemKind.RELATION_BROKEN,
        0.5,
        f"column {name} has moved as it never did ({reading.name}), and the other columns do not go along",
    )


def _bad_rows(column: Column, reading: Reading) -> Mask | None:
    """The current rows that a reading is about; None where it is about all of them."""
    values = column.current
    if reading.name == "null":
        return column.nulls(values)
    if reading.name == "pile" and reading.about is not None:
        return np.asarray(np.asarray(values, dtype=np.float64) == reading.about)
    if not column.numeric:
        return None
    numbers = np.asarray(values, dtype=np.float64)
    held = column.ordered[0]
    if not len(held):
        return None
    if reading.name == "novel":
        place = np.minimum(np.searchsorted(held, numbers), len(held) - 1)
        return np.asarray(np.isfinite(numbers) & (held[place] != numbers))
    if reading.name in ("beyond", "top", "bottom", "absurd"):
        return np.asarray((numbers < held[0]) | (numbers > held[-1]))
    return None


def bad_rows(court: Court, column: Column) -> Mask | None:
    """The current rows that the column's most unusual single values stand in; None where a finding
    is about all of them.
    """
    found = [r for r in court.readings.get(column.name, {}).values() if r.name in _OF_ROWS and _weight(column, r, court) > court.price]
    best = max(found, key=lambda r: r.bits, default=None)
    return _bad_rows(column, best) if best is not None else None


def _segment(both: Pair, column: Column, bad: Mask) -> Segment | None:
    """The one code that holds (nearly) all of the bad rows, most of whose own rows are bad."""
    total = float(bad.sum())
    best: tuple[float, Segment] | None = None
    for cut in both.segmenting:
        if cut.name == column.name:
            continue
        cells = cut.cells
        size = np.bincount(cells.current, minlength=len(cells.names))
        inside = np.bincount(cells.current, bad, minlength=len(cells.names))
        for number in range(len(cells.names) - 1):
            if size[number] < 15 or inside[number] < 0.85 * total or size[number] > 0.8 * len(bad):
                continue
            within = float(inside[number] / size[number])
            outside = float((total - inside[number]) / max(len(bad) - size[number], 1))
            if within > 0.35 and outside < 0.1 * within and (best is None or within > best[0]):
                best = (within, Segment(cut.name, cells.names[number]))
    return best[1] if best else None


def _confirm(court: Court, problem: Problem) -> Claim | None:
    """A finding against the reference, judged by the past; None where the past knows it well, or
    has been asked itself already.
    """
    column = court.column(problem.column) if problem.column else None
    if column is None:
        told = problem.kind is ProblemKind.TRUNCATED and court.past.timed  # a pause: `absent_problems` knows all of the past's
        return None if told else Claim(problem, 5.0, sure=True)
    if problem.segment and court.clock.phases.get(problem.segment.column) in _OF_WHOLE_DAYS:
        return None  # one or two days of the window: what happened on a day is no fault of the column there
    if column.name in court.clock.columns and problem.kind not in (ProblemKind.NULL_JUMP, ProblemKind.INFINITE):
        return None
    if problem.kind is ProblemKind.INFINITE:
        return Claim(problem, 10.0, sure=True)
    inside = _inside(court, problem.segment) if problem.segment else None
    readings = read(court.past, column, inside) if problem.segment else court.readings[column.name]
    names: Sequence[str] = _READINGS.get(problem.kind, ())
    looks = court.price + (1.0 if problem.segment else 0.0)
    own = max((r.bits for n, r in readings.items() if not names or n in names), default=0.0) - looks
    repeated = problem.kind in (ProblemKind.CONSTANT, ProblemKind.DEFAULT_VALUE) and column.numeric
    if repeated or problem.kind is ProblemKind.NULL_JUMP:
        return Claim(problem, own, sure=own > _SURE_HARD - 2) if own > 0 else None
    if problem.kind is ProblemKind.UNSEEN_CATEGORIES:
        return Claim(problem, own, sure=own > 0 and _replaced(court, column, inside)) if own > 0 else None
    torn = problem.kind in (ProblemKind.RELATION_BROKEN, ProblemKind.SWAPPED)
    if own < 0 and not torn:
        return None
    given = court.given_others(column, inside)
    labels = court.by_labels(column)
    level = max(given, labels, (given + labels) * 0.8)
    sure = labels >= 0 and level > _SURE_GIVEN + bool(problem.segment) and (torn or own > (_SURE_HARD - 1 if problem.segment else 0))
    if problem.kind is ProblemKind.UNIT_CHANGE:
        level = max(level, min(own, _DOUBTED_UNIT))
        sure = sure or (own > _SURE_HARD and problem.segment is None and _unmistakable(column))
    return Claim(problem, level, sure=sure, harms=court.labels is None or labels > _LABELS_SPEAK) if sure or level > 1.0 else None


def _unmistakable(column: Column) -> bool:
    """True for values that are a power of ten or more away from where they were, and else as they
    were: the world moves no quantity like that.
    """
    found = find_conversion(*column.ordered)
    return found.size >= _LARGE_UNIT and found.share > _ALL_ROWS


def _inside(court: Court, segment: Segment) -> tuple[Mask, Mask]:
    column = court.column(segment.column)
    assert column is not None
    cells = column.cells
    number = cells.names.index(segment.value) if segment.value in cells.names else -2
    return cells.reference == number, cells.current == number


def _replaced(court: Court, column: Column, inside: tuple[Mask, Mask] | None) -> bool:
    """True when codes that were always there vanish at the moment at which new ones come."""
    first, second = court.past.order
    codes = np.asarray(column.current, dtype=np.int64)[second]
    old = np.asarray(column.reference, dtype=np.int64)[first]
    if inside is not None:
        codes, old = codes[inside[1][second]], old[inside[0][first]]
    words = len(column.vocabulary)
    before = np.bincount(old[old >= 0], minlength=words)
    fresh = (codes >= 0) & (before[np.maximum(codes, 0)] == 0)
    if not fresh.any() or not before.sum():
        return False
    rest = codes[int(np.flatnonzero(fresh)[0]) :]
    if len(rest) < _LEAST_REPLACED * len(codes):
        return False  # the last day may be a holiday
    now = np.bincount(rest[rest >= 0], minlength=words)
    expected = before / before.sum() * len(rest)
    gone = (expected >= 10) & (now < 0.15 * expected)
    return bool(expected[gone].sum() > 0.4 * now[before == 0].sum())
