"""The verdict on a version that serves, from its comparison with versions before it. Called by the
monitor's look (detection/comparison.py).

Three questions, from the quickest to the slowest:

1. On the labelled rows that are there at the first look: does it lose far more than the version
   whose place it took? Those rows lie mostly before the release, so it may have learnt from them:
   that flatters it, and a version that loses far more all the same is turned round, not unlucky.
2. Does it give one answer to everything, or order the inputs the other way round? Labels that say
   that it loses less acquit it; without labels a person is asked where it is not overwhelming.
3. Day by day as labels mature: does it lose clearly more than any version of the last months?
"""

from collections.abc import Sequence
from dataclasses import replace

from modelmedic.steps.contracts.comparison import Accusation, AnswerLikeness, LossBlock, VersionPair, Win
from modelmedic.steps.core.comparison.blocks import means
from modelmedic.steps.core.comparison.rise import capital, rise_at_once
from modelmedic.steps.core.comparison.segments import sole_segment, worst_segment

# The levels were chosen on bikes, seoul, air, turbine and traffic (84 honest releases, 129 with a
# fault) and stand beside seven streams in docs/which-version-is-better.md.
LEAST_ROWS = 200  # labelled, before losses say anything; the same for answers
_OF_ONE_ANSWER = 100  # rows that get one answer, before it is called the only one
ERROR = 1e-3  # of all early looks at a release together; and 1 / ERROR are the days between false alarms of the later ones
FAR, SURE = 0.1, 0.02  # rise of the loss, and its bound on a typical day: 1 honest release of 84 rose so much, and lost 31 % more
FAR_IN_SEGMENT = 0.5
ERROR_OF_WINS = 0.01  # a challenger that is no better wins at most once in a hundred days in the mean; gates and canary follow
MARGIN = 0.05  # rise of the loss that a version may cost for ever: the next one is due before long
_CONSTANT, _VARIED = 0.99, 0.5  # shares of answers that are the most frequent one
_AGAINST, _TURNED = -0.1, -0.5  # rank correlation; an honest version of a drifted model had -0.32 (turbine), others 0.27 and more
_STRANGER = 3.0  # times the largest distance between honest versions of the past
_ENOUGH = 50  # labelled rows, before a mean loss on the same rows outweighs a window's
_PAST = 3  # pairs of honest versions, before a distance is called strange


def audit(version: str, released: VersionPair, past: Sequence[AnswerLikeness] = ()) -> Accusation | None:
    """The accusation of a release by its first looks; `released` is the pair with the version whose
    place it took, `past` the likeness of honest versions that followed each other.
    """
    blocks = (*released.before, *released.since)
    return _far_worse(version, released, blocks) or _strange_answers(version, released, blocks, past)


def outdone(version: str, pairs: Sequence[VersionPair]) -> Accusation | None:
    """The accusation by the days since the release: an older version loses clearly less on the
    newest of them. The clearest, if there are several.
    """
    found = [(capital(pair.since, MARGIN, pair.before), pair) for pair in pairs if pair.since]
    best = max(found, key=lambda each: each[0], default=None)
    if best is None or best[0] < 1 / ERROR:
        return None
    pair = best[1]
    rise = rise_at_once(pair.since, ERROR)
    if rise is None or rise.value < MARGIN:
        return None
    sentence = (
        f"version {version} loses {rise.value:.0%} more per row than version {pair.other}, which was asked about the same labelled rows of "
        f"{len(pair.since)} days; chance shows so much once in {1 / ERROR:.0f} days at most"
    )
    return Accusation(pair.other, "shown", sentence, rise.value, slow=True)


def won(pair: VersionPair) -> Win | None:
    """The win of a challenger that was kept in the dark: the version that serves loses more, by
    days that neither has learnt from.
    """
    rise = rise_at_once(pair.since, ERROR)
    if rise is None or rise.value <= 0 or capital(pair.since, 0.0) < 1 / ERROR_OF_WINS:
        return None
    value = rise.value / (1 + rise.value)
    labels = sum(block.rows for block in pair.since)
    sentence = (
        f"version {pair.other}, kept in the dark, loses {value:.1%} less than the version that serves on the same {labels} labelled rows"
    )
    return Win(pair.other, f"{sentence} of {len(pair.since)} days", value)


def hopeless(pair: VersionPair) -> bool:
    """True for a challenger in the dark that clearly loses more: it is asked no longer."""
    turned = [replace(block, served=block.other, other=block.served) for block in pair.since]
    return capital(turned, 0.0) >= 1 / ERROR_OF_WINS


def _far_worse(version: str, pair: VersionPair, blocks: Sequence[LossBlock]) -> Accusation | None:
    rows = sum(block.rows for block in blocks)
    early = rise_at_once(pair.before, ERROR)
    slow = early is None or early.value <= 0
    day = len(pair.since) + 1
    error = ERROR / (day * (day + 1))  # sums to ERROR over all days: it is looked at on each
    rise = rise_at_once(blocks, error)
    if rise is not None and rows >= LEAST_ROWS and rise.value >= FAR and rise.least > SURE:
        sentence = (
            f"version {version} loses {rise.value:.0%} more per row than version {pair.other} on the same {rows} labelled rows "
            f"({rise.least:.0%} at least on a typical day){_flattered(pair)}"
        )
        return Accusation(pair.other, "shown", sentence, rise.value, sole_segment(pair.segments), slow)
    worst = worst_segment(pair.segments, error=error, far=FAR_IN_SEGMENT, margin=MARGIN)
    if worst is None:
        return None
    where = f"{worst.segment.column} is {worst.segment.value}"
    sentence = f"version {version} loses {worst.rise.value:.0%} more per row than version {pair.other} where {where}"
    return Accusation(pair.other, "shown", sentence + _flattered(pair), worst.rise.value, worst.segment, slow)


def _flattered(pair: VersionPair) -> str:
    return ", though it may have learnt from those of before its release" if pair.before else ""


def _strange_answers(version: str, pair: VersionPair, blocks: Sequence[LossBlock], past: Sequence[AnswerLikeness]) -> Accusation | None:
    seen = pair.likeness
    if seen is None or seen.rows < _OF_ONE_ANSWER or _acquitted(blocks):
        return None
    asked = f"version {pair.other} was asked about the same {seen.rows} rows"
    if seen.served_same >= _CONSTANT and seen.other_same <= _VARIED:
        return Accusation(pair.other, "shown", f"version {version} gives one answer to {seen.served_same:.0%} of the inputs; {asked}")
    if seen.rows < LEAST_ROWS:
        return None
    if seen.correlation < _AGAINST:
        harm = "shown" if seen.correlation < _TURNED or sum(block.rows for block in blocks) >= LEAST_ROWS else "estimated"
        sentence = f"version {version} orders the inputs the other way round (rank correlation {seen.correlation:.2f}); {asked}"
        return Accusation(pair.other, harm, sentence)
    usual = max((each.distance for each in past), default=0.0)
    if len(past) >= _PAST and seen.distance > _STRANGER * usual and seen.distance > 1:
        sentence = (
            f"version {version} answers {seen.distance / usual:.1f} times as far from version {pair.other} as versions that followed "
            f"each other ever did; no label is known yet"
        )
        return Accusation(pair.other, "estimated", sentence)
    return None


def no_worse(pair: VersionPair) -> bool:
    """True when both versions were judged on the same labelled rows, and the one that serves loses
    about as much there: what a window without the other version shows is not its fault.
    """
    blocks = (*pair.before, *pair.since)
    served, other = means(blocks)
    return sum(block.rows for block in blocks) >= _ENOUGH and served <= (1 + MARGIN) * other


def _acquitted(blocks: Sequence[LossBlock]) -> bool:
    """True when labels are known and the version loses no more by them."""
    rise = rise_at_once(blocks, ERROR)
    return rise is not None and sum(block.rows for block in blocks) >= LEAST_ROWS and rise.value <= 0
