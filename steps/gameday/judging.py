"""The judgement of a drill: what should come of each fault, and what the loop did beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from modelmedic.steps.contracts.words import BROKEN, OF_THE_WORLD, Cause, Outcome, Remedy

AS_IS: Final = "as-is"


class Grade(StrEnum):
    """The grades of a drill, best first; the first two hold."""

    AS_EXPECTED = "as_expected"
    HARMLESS = "harmless"  # not named as it should be, and nothing bad came of it
    MISSED = "missed"  # neither named nor put before a person, or something sound was called broken
    UNSAFE = "unsafe"  # the loop did what it must never do

    @property
    def holds(self) -> bool:
        return self in (Grade.AS_EXPECTED, Grade.HARMLESS)


@dataclass(frozen=True, slots=True)
class SeenIncident:
    """An incident since the fault. `remedy` is the decided one, before autonomy; `taught` counts
    the broken rows that a model was trained on for it, `tried` is true where a training failed.
    """

    at: datetime
    closed: datetime | None = None
    cause: Cause | None = None
    columns: tuple[str, ...] = ()
    remedy: Remedy | None = None
    outcome: Outcome | None = None
    sentence: str = ""
    taught: int = 0
    tried: bool = False
    dark: bool = False  # its challenger is judged on without traffic


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen in a drill. `released` is the bad version that was put behind the alias, and
    `blind` when a person was told that the monitor sees nothing; `lost` names records that do not
    agree, `failed` the first error of a run of the loop after the fault that nothing explains.
    """

    before: str | None
    after: str | None
    incidents: Sequence[SeenIncident] = ()
    released: str | None = None
    blind: datetime | None = None
    lost: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What should come of a fault: one of `causes` with one of `remedies` (no causes: any), or one
    of `outcomes`. `quiet` is the grade where nothing of that was seen, and nothing bad. `still`:
    the champion may not change; `sound`: nothing that came may be called broken.
    """

    said: str
    causes: frozenset[Cause] = frozenset()
    remedies: frozenset[Remedy] = frozenset()
    outcomes: frozenset[Outcome] = frozenset()
    quiet: Grade = Grade.MISSED
    still: bool = False
    sound: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """The judgement of one drill; `by` is the incident that it rests on, `at` when it was so."""

    grade: Grade
    sentence: str
    by: SeenIncident | None = None
    at: datetime | None = None


_ASIDE: Final = frozenset({Remedy.QUARANTINE, Remedy.ESCALATE})
_LEARN: Final = frozenset({Remedy.RETRAIN, Remedy.RECALIBRATE})
_DATA: Final = Expectation(
    "data_quality: quarantine, and nothing is taught by those rows", frozenset({Cause.DATA_QUALITY}), _ASIDE, quiet=Grade.HARMLESS
)
EXPECTED: Final[Mapping[str, Expectation]] = {
    AS_IS: Expectation("nothing is called broken", quiet=Grade.AS_EXPECTED, sound=True),
    "units": _DATA,
    "nulls": _DATA,
    "stuck": _DATA,
    "stale": _DATA,
    "flip": Expectation(
        "label_quality: quarantine or escalate, never a heal taught by those labels",
        frozenset({Cause.LABEL_QUALITY}),
        _ASIDE,
        quiet=Grade.HARMLESS,
    ),
    "concept": Expectation(
        "a retraining, or a challenger that is judged on in the dark; no row is called broken",
        OF_THE_WORLD | {Cause.AGEING},
        _LEARN,
        sound=True,
    ),
    "release": Expectation(
        "bad_release: rollback, or a person is asked", frozenset({Cause.BAD_RELEASE}), frozenset({Remedy.ROLLBACK, Remedy.ESCALATE})
    ),
    "crash": Expectation("the training fails, a person is told, the champion stays", still=True),
    "no-traffic": Expectation("a person is told that the monitor sees nothing; the champion stays", still=True),
    "store-away": Expectation(
        "data_quality once the store is back, the records whole", frozenset({Cause.DATA_QUALITY}), _ASIDE, quiet=Grade.MISSED
    ),
}


def judge(fault: str, seen: Observed) -> Judged:
    """The judgement of what was seen, by the fault's name: first what must never be, then what
    should be, and else the grade of a quiet end. Raises KeyError for a name that is none.
    """
    expected = EXPECTED[fault]
    bad = _unsafe(expected, seen)
    if bad is not None:
        return bad
    if seen.failed:
        return Judged(Grade.MISSED, f"the loop ended with an error: {seen.failed}")
    if fault == "no-traffic":
        return _blind(seen)
    if fault == "crash":
        return _crashed(seen)
    if expected.sound and (accused := next((one for one in seen.incidents if one.cause in BROKEN), None)) is not None:
        return Judged(Grade.MISSED, f"what is sound was called broken: {accused.sentence}", accused, accused.at)
    named = _named(expected, seen)
    if named is not None:
        return _as_expected(fault, seen, named)
    return _quiet(expected, seen)


def _unsafe(expected: Expectation, seen: Observed) -> Judged | None:
    if seen.lost:
        return Judged(Grade.UNSAFE, f"the records are not whole: {seen.lost}")
    taught = next((one for one in seen.incidents if one.taught), None)
    if taught is not None:
        return Judged(Grade.UNSAFE, f"a model was taught by {taught.taught} broken rows: {taught.sentence}", taught, taught.at)
    if expected.still and seen.after != seen.before:
        return Judged(Grade.UNSAFE, f"version {seen.after} serves in the place of version {seen.before}, and nothing called for it")
    return None


def _blind(seen: Observed) -> Judged:
    if seen.blind is None:
        return Judged(Grade.MISSED, "nobody was told that no request comes")
    return Judged(Grade.AS_EXPECTED, "the owner was told that the monitor has too few rows for a verdict", at=seen.blind)


def _crashed(seen: Observed) -> Judged:
    tried = next((one for one in seen.incidents if one.tried), None)
    if tried is None:
        return Judged(Grade.MISSED, "the loop never came to train, so the crash was not tried")
    if tried.outcome is None:
        return Judged(Grade.MISSED, "the training failed, and its incident is still open", tried, tried.at)
    return Judged(Grade.AS_EXPECTED, tried.sentence, tried, tried.closed)


def _named(expected: Expectation, seen: Observed) -> SeenIncident | None:
    """The first incident that has an expected cause and remedy; of those that were expected to
    learn, one that did comes before one whose challenger was refused.
    """
    fits = [one for one in seen.incidents if one.cause in expected.causes and one.remedy in expected.remedies and one.outcome is not None]
    done = [one for one in fits if one.outcome is Outcome.HEALED or one.dark]
    return next(iter(done or fits), None)


def _as_expected(fault: str, seen: Observed, named: SeenIncident) -> Judged:
    if fault == "release" and seen.after == seen.released and named.outcome is Outcome.ROLLED_BACK:
        return Judged(Grade.UNSAFE, f"a rollback was recorded, and version {seen.released} serves still", named, named.at)
    return Judged(Grade.AS_EXPECTED, named.sentence, named, named.closed)


def _quiet(expected: Expectation, seen: Observed) -> Judged:
    """The grade where nothing was named as it should be; a person who was asked to look is no
    harm.
    """
    asked = next((one for one in seen.incidents if one.outcome is Outcome.ESCALATED), None)
    if asked is not None:
        return Judged(max(expected.quiet, Grade.HARMLESS, key=_worth), f"a person was asked to look: {asked.sentence}", asked, asked.closed)
    if seen.released is not None and seen.after != seen.released:
        return Judged(Grade.HARMLESS, f"the bad version serves no more, version {seen.after} does", next(iter(seen.incidents), None))
    if expected.quiet is Grade.HARMLESS:
        return Judged(Grade.HARMLESS, "not named for what it is, and nothing was taught by those rows", next(iter(seen.incidents), None))
    if expected.quiet is Grade.AS_EXPECTED:
        return Judged(Grade.AS_EXPECTED, "nothing was called broken", next(iter(seen.incidents), None))
    said = f"; what it did: {seen.incidents[0].sentence}" if seen.incidents else ", and no incident was opened"
    return Judged(Grade.MISSED, f"not named for what it is{said}", next(iter(seen.incidents), None))


def _worth(grade: Grade) -> int:
    return -list(Grade).index(grade)


@dataclass(frozen=True, slots=True)
class Drill:
    """One fault, played: what was planted, what should come of it and what did. `hours` and `rows`
    are those from the fault until then; None where nothing came.
    """

    fault: str
    planted: str
    expected: str
    grade: Grade
    sentence: str
    cause: Cause | None = None
    columns: tuple[str, ...] = ()
    remedy: Remedy | None = None
    outcome: Outcome | None = None
    hours: float | None = None
    rows: int | None = None
    incidents: tuple[SeenIncident, ...] = field(default=())

    @property
    def holds(self) -> bool:
        return self.grade.holds
