"""Broken labels: what the labels' own past and a memory of them given the inputs say.

The signature of broken labels is a relation that is gone at once and for a uniform share of the
rows: the labels no longer follow what the inputs let expect, or one label no longer its neighbour,
where they always did. A law of the world turns in some region, slowly, or keeps most of its hold.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import ndtr

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.core.quality.apart import error_segment
from modelmedic.steps.core.quality.claims import Court
from modelmedic.steps.core.quality.given import Errors
from modelmedic.steps.core.quality.label_segments import TornSegment, torn_segment
from modelmedic.steps.core.quality.late_rows import late_by
from modelmedic.steps.core.quality.past import Past, bits, surprise
from modelmedic.steps.core.quality.statistics import Reading, read_number
from modelmedic.steps.core.statistics.crossfit import remember
from modelmedic.steps.core.tables.arrays import Floats, Integers, Mask
from modelmedic.steps.core.tables.pairing import Column
from modelmedic.steps.core.tables.thinning import evenly

_SURE = 2.5  # powers of ten above the price of the looks
_GONE = 0.55  # of the hold that the inputs usually have on the labels
_OTHER_SCALE = 1.8  # a world that doubles from one window to the next was in none of bikes, air and weather
_SCATTER = 1.5  # times the worst of the past's windows
_ROUGH, _LOOSER, _WITNESSED = 1.6, 0.15, 1.5  # times the usual step, of the hold, and powers of ten that the hold is worth then
_LEAST_GAIN = 0.05  # of the labels
_INVERTED = 1.6  # of the hold; who has lost more follows the old law the other way round
_RELEARNT = 0.75  # of what is usually learnt from as many rows; with a fifth of the labels mixed it is 0.64
_LOST, _MORE = 0.8, 0.2  # where the old hold is gone: a made law that turned was half as strong, and left 0.25 to 0.56
_UNLEARNT = 0.2
_SURELY = 3.0  # standard errors
_AS_USUAL = 1.3  # times the mean of the past's windows
_FAR = 6.0  # standard errors; those of neighbouring rows are alike
_MOST_RELEARNT, _LEAST_ROWS = 2000, 120
_WINDOWS_RELEARNT = 5
_LEAST_RELEARNT = 0.03  # of the labels' variance, below which nothing can be said
_PRICE = 1.3  # about twenty looks
_ALL = 0.85  # of the rows
_OF_ONE_VALUE = ("pile", "run", "rare run")
_HARD = ("pile", "run", "rare run", "novel", "values")


@dataclass(frozen=True)
class LabelClaim:
    """What is wrong with the labels, in words, with its evidence in powers of ten."""

    sentence: str
    bits: float
    sure: bool
    segment: Segment | None = None


@dataclass(frozen=True)
class LabelReadings:
    """The labels' own readings, and those given the inputs; empty without labels."""

    own: dict[str, Reading]
    given: dict[str, Reading]
    ratio: float = 1.0
    evenly: float = 1.0  # the least growth of the squared errors in any third of the expectation
    segment: Segment | None = None  # outside of which the labels err as they always did
    relearnt: float | None = None  # what a memory of the current rows alone explains, as a share of what one window's usually does
    against: bool = False  # what the inputs let expect and the labels go against each other, for sure
    late: tuple[int, float] = (0, 1.0)  # by how many rows labels are late, and their error then as a share of today's
    torn: TornSegment | None = None  # in which labels follow nothing any more

    @property
    def new_law(self) -> bool:
        """True when the old hold is gone and the inputs hold the labels in another way: the world
        turned. Labels that were mixed up follow nothing, and inverted ones the old law: none of
        them goes against it half-way, unless it is so in a segment alone.
        """
        if self.relearnt is None:  # nothing is asked of labels that follow the inputs as ever
            return False
        lost = _lost(self.given["hold"])
        if lost > _INVERTED:
            return False
        if self.against and self.segment is None:
            return True
        broken = (1 - lost) ** 2  # what labels that were mixed or turned round at random leave to be learnt
        return self.relearnt > _RELEARNT or (lost > _LOST and self.relearnt > broken + _MORE)

    @property
    def bar(self) -> float:
        """The powers of ten that make a claim sure: fewer where labels teach next to nothing."""
        return _SURE if self.relearnt is None or self.relearnt > _UNLEARNT else _SURE - 1.5


def label_readings(court: Court) -> LabelReadings:
    if court.past.lore.target is None:
        return LabelReadings({}, {})
    before, after = court.past.lore.target
    own = read_number(court.past, Column("label", True, before, after)) if np.isfinite(after).sum() >= 50 else {}
    own = {name: reading for name, reading in own.items() if not _is_told(court, reading)}
    witness = court.labels
    if witness is None:
        return LabelReadings(own, {})
    full, given = _since_it_began(court.past, witness.full)
    strange = _strange(given)
    return LabelReadings(
        own,
        given,
        _ratio(before, after, full),
        _evenly(full),
        error_segment(court.past, full),
        _relearnt(court, full) if strange else None,
        given["hold"].value + _SURELY * _slope_error(full.truth[1], full.current) < 0,
        late_by(witness.full) if strange and court.past.timed else (0, 1.0),
        torn_segment(court, witness.full),
    )


def _since_it_began(past: Past, full: Errors) -> tuple[Errors, dict[str, Reading]]:
    """The errors from the moment on at which they grew, where the window shows one and the rows
    from it on are strange, else all of them; with their readings. A window of which half is as ever
    is half a law's, and would follow neither the old law nor the new one.
    """
    given = _given(past, full)
    start = _onset(full) if past.timed else 0
    if not start:
        return full, given
    since = replace(full, current=full.current[start:], rows=full.rows[start:], truth=(full.truth[0], full.truth[1][start:]))
    found = _given(past, since)
    return (since, found) if _strange(found) else (full, given)


def _onset(full: Errors) -> int:
    """The row at which the squared errors grew: the least of their cumulated sum above the half-way
    mark (Page 1954); 0 unless the errors before it are as ever, those from it on are far from them,
    and both are enough to be judged.
    """
    usual, now = full.past**2, full.current**2
    half = float(now.mean() - usual.mean()) / 2
    start = int(np.argmin(np.cumsum(now - usual.mean() - half))) + 1
    before, since = now[:start], now[start:]
    if half <= 0 or min(len(before), len(since)) < _LEAST_ROWS or before.mean() > _AS_USUAL * usual.mean():
        return 0
    noise = float(np.sqrt(before.var() / len(before) + since.var() / len(since)))
    return start if since.mean() - before.mean() > _FAR * noise else 0


def _is_told(court: Court, reading: Reading) -> bool:
    """True for an unusual pile or run of one value that a column tells of."""
    return reading.name in _OF_ONE_VALUE and reading.bits > _PRICE and _told_by_a_column(court, reading.about)


def _told_by_a_column(court: Court, value: float | None) -> bool:
    """True where (nearly) all rows of a label's value have one code, and (nearly) all rows of that
    code the value, now and in the past, unless the code is new: a day on which a service is closed
    lends nothing, and a column says so.
    """
    lore = court.past.lore
    if value is None or lore.target is None:
        return False
    before, after = (t == value for t in lore.target)
    for cut in lore.segmenting:
        names = cut.cells.names
        sides = zip((cut.cells.reference, cut.cells.current), (before, after), lore.target, strict=True)
        (was, had), (now, has) = [_by_code(codes, piled, target, len(names)) for codes, piled, target in sides]
        told = (has > _ALL * now) & (has > _ALL * max(int(after.sum()), 1)) & ((was == 0) | (had > _ALL * was))
        if told.any():
            return True
    return False


def _by_code(codes: Integers, piled: Mask, target: Floats, count: int) -> tuple[Integers, Integers]:
    """The labelled rows of every code, and those of them that have the value."""
    known = np.isfinite(target)
    return np.bincount(codes[known], minlength=count), np.bincount(codes[known & piled], minlength=count)


def _strange(given: dict[str, Reading]) -> bool:
    """True where the labels follow their expectation less, or err more, than they ever did."""
    hold, size = given["hold"], given["size"]
    return _lost(hold) >= 1 - _GONE or (size.gained > 0 and size.value > _SCATTER * float(np.nanmax(size.history)))


def _relearnt(court: Court, full: Errors) -> float | None:
    """What a memory of the current rows alone explains of their labels, as a share of what a
    memory of as many rows of one of the past's latest windows did, in the median. Labels that were
    mixed leave less to be learnt than they always did; a law that turned leaves as much.
    """
    before, after = full.truth
    windows = [np.flatnonzero(full.block == b) for b in range(court.past.blocks)]
    size = min(len(after), int(np.median([len(w) for w in windows])), _MOST_RELEARNT)
    windows = [w for w in windows if len(w) >= 0.7 * size][-_WINDOWS_RELEARNT:]
    chosen = [w[evenly(len(w), size)] for w in windows]
    usual = [_explained(court, "reference", full.places[rows], before[rows]) for rows in chosen]
    most = float(np.median(usual)) if usual else 0.0
    if most <= _LEAST_RELEARNT:
        return None
    rows = evenly(len(after), size)
    return _explained(court, "current", full.rows[rows], after[rows]) / most


def _explained(court: Court, window: Literal["reference", "current"], rows: Integers, labels: Floats) -> float:
    """The share of the labels' variance that a memory of these rows alone explains of them."""
    columns = tuple(replace(c, reference=getattr(c, window)[rows], current=c.current[:0]) for c in court.features)
    memory = remember(columns, labels, (np.ones(len(rows), dtype=bool), np.zeros(0, dtype=bool)), rounds=30, least=_LEAST_ROWS)
    return memory.explained if memory is not None else 0.0


def _lost(hold: Reading) -> float:
    """The share of their usual hold on the labels that the inputs have lost; 2 is turned round."""
    known = hold.history[np.isfinite(hold.history)]
    usual = float(np.median(known)) if len(known) else 0.0
    return 1 - hold.value / usual if usual > 0 and np.isfinite(hold.value) else 0.0


def _evenly(full: Errors) -> float:
    """The least growth of the mean squared error in any third of the expectation: a law that turned
    in a region leaves the others alone.
    """
    before, after = full.truth[0] - full.past, full.truth[1] - full.current
    edges = np.quantile(before, [1 / 3, 2 / 3])
    parts = [np.searchsorted(edges, side) for side in (before, after)]
    growth = []
    for third in range(3):
        old, new = full.past[parts[0] == third] ** 2, full.current[parts[1] == third] ** 2
        if len(new) >= 20 and len(old) >= 100:
            growth.append(float(new.mean()) / max(float(old.mean()), 1e-9))
    return min(growth, default=1.0) if len(growth) > 1 else 1.0


def _ratio(before: Floats, after: Floats, full: Errors) -> float:
    """How many times as large the labels are as the inputs let expect; 1 where labels have two
    signs or two values.
    """
    known = np.sort(before[np.isfinite(before)])
    now = after[full.rows]
    if (
        len(known) < 50
        or known[0] < 0
        or now.min() < 0
        or known[0] == known[-1]
        or len(np.unique(known[:: max(len(known) // 500, 1)])) <= 2
    ):
        return 1.0
    expected = np.interp(np.clip(full.truth[1] - full.current, 0, 1), np.linspace(0, 1, len(known)), known)
    usual = float(expected.mean())
    return float(now.mean()) / usual if usual > 0 else 1.0


def label_claim(readings: LabelReadings) -> LabelClaim | None:
    """The strongest claim about the labels as a whole; None where nothing stands out."""
    checks = (_behind, _torn, _hold, _neighbours, _own_values, _level, _scattered)
    found = [c for c in (check(readings) for check in checks) if c is not None]
    return max(found, key=lambda c: (c.sure, c.bits), default=None)


def _behind(readings: LabelReadings) -> LabelClaim | None:
    """Labels that belong to rows of before."""
    rows, left = readings.late
    size = readings.given.get("size")
    if not rows or size is None:
        return None
    before = f"{rows} row{'s'[: rows > 1]} before"
    sentence = f"the labels fit the inputs of {before} better than their own, with {1 - left:.0%} less error: they are late"
    return LabelClaim(sentence, max(size.bits, _SURE + 1), sure=True)


def _torn(readings: LabelReadings) -> LabelClaim | None:
    torn = readings.torn
    if torn is None:
        return None
    sentence = (
        f"the inputs have lost {torn.lost:.0%} of their hold on the labels (z = {torn.z:.1f}), and nowhere else: they were mixed there"
    )
    return LabelClaim(sentence, bits(2 * float(ndtr(-torn.z))), sure=True, segment=torn.segment)


def _scattered(readings: LabelReadings) -> LabelClaim | None:
    """Labels that err on both sides of what the inputs let expect, everywhere and at once, by much
    more than ever.
    """
    size, offset = readings.given.get("size"), readings.given.get("offset")
    if size is None or offset is None or size.gained <= 0 or readings.new_law:
        return None
    most = float(np.nanmax(size.history))
    one_sided = offset.value**2 / max(size.value, 1e-12)
    if size.value < _SCATTER * most or one_sided > 0.3 or readings.evenly < _SCATTER:
        return None
    net = size.bits - _PRICE
    if net < 0.5:
        return None
    times = size.value / max(float(np.nanmean(size.history)), 1e-12)
    sentence = f"the labels err {times:.1f} times as much as ever round what the inputs let expect, on both sides and everywhere"
    return LabelClaim(sentence, net, net > readings.bar, readings.segment)


def _given(past: Past, full: Errors) -> dict[str, Reading]:
    """The hold of the expectation on the labels, their offset from it, and the errors' size."""
    size = len(full.current)

    def each(block: int) -> tuple[Floats, Floats]:
        inside = full.block == block
        return full.truth[0][inside], full.past[inside]

    def today() -> tuple[Floats, Floats]:
        return full.truth[1], full.current

    found = {}
    for name, function, error in (
        ("hold", _slope, 0.0),
        ("offset", lambda _, e: float(e.mean()), float(full.past.std() / np.sqrt(size))),
        ("size", lambda _, e: float((e**2).mean()), float((full.past**2).std() / np.sqrt(size))),
    ):
        history = np.array([function(*each(b)) if (full.block == b).sum() >= 20 else np.nan for b in range(past.blocks)])
        value = function(*today())
        if name == "hold":
            error = _slope_error(*today())
        found[name] = Reading(name, history, value, surprise(past, history, value, error))
    return found


def _slope(truth: Floats, left: Floats) -> float:
    """The slope of the labels on their expectation."""
    expected = truth - left
    centred = expected - expected.mean()
    length = float((centred**2).sum())
    return float((centred * truth).sum()) / length if length > 1e-12 else np.nan


def _slope_error(truth: Floats, left: Floats) -> float:
    expected = truth - left
    length = float(((expected - expected.mean()) ** 2).sum())
    return float(truth.std()) / np.sqrt(length) if length > 1e-12 else 1.0


def _hold(readings: LabelReadings) -> LabelClaim | None:
    hold = readings.given.get("hold")
    if hold is None:
        return None
    known = hold.history[np.isfinite(hold.history)]
    usual, least = float(np.median(known)), float(known.min())
    if usual <= 0.3 or hold.value > _GONE * usual or hold.value > least or readings.new_law:
        return None
    net = hold.bits - _PRICE
    if net < 0.5:
        return None
    share = max(1 - hold.value / usual, 0.0)
    words = "inverted" if share > 1.6 else "wrong in a part of the rows" if share < 0.8 else "strangers to their rows"
    sentence = f"the inputs have lost {share:.0%} of their hold on the labels at once, whatever the row: the labels are {words}"
    return LabelClaim(sentence, net, net > readings.bar, readings.segment)


def _neighbours(readings: LabelReadings) -> LabelClaim | None:
    """Labels that no longer resemble the label before, where they always did."""
    rough, mean = readings.own.get("rough"), readings.own.get("spread")
    if rough is None or mean is None or rough.gained <= 0:
        return None
    usual = float(np.nanmean(rough.history))
    if rough.value < 1.4 * usual:
        return None
    net = rough.bits - _PRICE
    if net < 0.5:
        return None
    sentence = (
        f"a label differs from the one before it {rough.value / max(usual, 1e-9):.1f} times as much as it always did: labels were mixed"
    )
    witnessed = rough.value > _ROUGH * usual and "hold" in readings.given and _lost(readings.given["hold"]) > _LOOSER
    return LabelClaim(sentence, net, net > _SURE - (_WITNESSED if witnessed else 0), readings.segment)


def _own_values(readings: LabelReadings) -> LabelClaim | None:
    """A label that repeats itself, or values that labels never had."""
    strange = [readings.own[name] for name in _HARD if name in readings.own and _unlike(readings.own[name])]
    best = max(strange, key=lambda r: r.bits, default=None)
    if best is None or best.bits - _PRICE < 1.0:
        return None
    witness = max((r.bits for r in readings.given.values()), default=0.0)
    net = best.bits - _PRICE
    about = f"{best.about:.6g}" if best.about is not None else ""
    sentence = {
        "pile": f"{best.gained:.0%} more of the labels than ever are {about}",
        "novel": f"{best.value:.0%} of the labels are values that labels never had, between those that they always had",
        "values": "the labels have far fewer different values than ever",
    }.get(best.name, f"{2**best.value - 1:.0f} labels in sequence are the same, more than ever")
    return LabelClaim(sentence, net, sure=net > _SURE and witness > 1.5)


def _unlike(reading: Reading) -> bool:
    """True when the reading moved to the side on which faults lie, and far enough to matter."""
    if reading.name in ("pile", "novel"):
        return reading.gained > _LEAST_GAIN
    return reading.gained < 0 if reading.name == "values" else reading.gained > 0


def _level(readings: LabelReadings) -> LabelClaim | None:
    """Labels that are at once far from what the inputs let expect, all of them to one side, or that
    reach further than labels ever did.
    """
    offset, size = readings.given.get("offset"), readings.given.get("size")
    if offset is None or size is None:
        return None
    usual = float(np.nanmean(size.history))
    reach = max((readings.own[name].bits for name in ("top", "bottom") if name in readings.own), default=0.0)
    net = max(min(offset.bits, size.bits), min(reach, 2 * offset.bits + size.bits + 2.0)) - _PRICE
    if net < 0.5 or (reach - _PRICE < _SURE and (abs(offset.gained) < 0.1 or size.value < 2 * usual)):
        return None
    side = "higher" if offset.gained > 0 else "lower"
    sentence = f"the labels are {side} than the inputs let expect, at once and by more than ever ({abs(offset.gained):.0%} of their ranks)"
    other_scale = not 1 / _OTHER_SCALE < readings.ratio < _OTHER_SCALE
    return LabelClaim(sentence, net, net > _SURE and (other_scale or reach - _PRICE > _SURE + 1), readings.segment)


def label_bits(readings: LabelReadings) -> float:
    """The evidence in powers of ten that the labels' relation to anything has changed at all."""
    hold, size = readings.given.get("hold"), readings.given.get("size")
    rough = readings.own.get("rough")
    return max((bits(r.p_value) for r in (hold, size, rough) if r is not None), default=0.0)
