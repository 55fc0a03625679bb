"""The judgement on a canary as a model, beside that on it as a server: its losses and its answers
against the champion's, both asked about the same requests. Called by the canary at each share.

Validation has judged the challenger on the past. A canary answers what comes now, through the
server's own way of reading requests, and where labels are quick it shows there whether it is worse.
A canary that nobody asked, or of whose requests no label is known, is not judged: that is no word
against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from modelmedic.steps.contracts.comparison import AnswerLikeness, LossBlock
from modelmedic.steps.core.comparison.blocks import means
from modelmedic.steps.core.comparison.rise import capital
from modelmedic.steps.core.rollout.canary_judgement import Judgement

ROWS_OF_BLOCK: Final = 5  # requests that follow each other: a canary of a slow stream answers twenty
ERROR: Final = 0.01  # of taking a canary back that loses no more, over all its shares
_MARGIN: Final = 0.05  # rise of the loss that may be chance of the hour
_FAR: Final = 0.1  # rise of the loss, below which a canary goes on whatever is known
_LEAST_ALIKE: Final = 50  # requests, before answers are compared
_TURNED: Final = -0.5  # rank correlation
_CONSTANT, _VARIED = 0.99, 0.5  # shares of answers that are the most frequent one


@dataclass(frozen=True, slots=True)
class CanaryLosses:
    """The mean losses per row on labelled requests that both were asked about; `evidence` is the
    capital won by betting that the canary loses more.
    """

    rows: int
    canary: float
    champion: float
    evidence: float

    @property
    def rise(self) -> float:
        return self.canary / self.champion - 1 if self.champion > 0 else (0.0 if self.canary <= 0 else float("inf"))


@dataclass(frozen=True, slots=True)
class CanaryAsModel:
    """The losses, None without a labelled request; `live` likeness of the answers at this share,
    and `dark` on the rows of validation, each None where nothing was compared.
    """

    champion: str
    losses: CanaryLosses | None = None
    live: AnswerLikeness | None = None
    dark: AnswerLikeness | None = None


def losses_of(blocks: Sequence[LossBlock]) -> CanaryLosses | None:
    """The losses over blocks in which the canary stands as the version that serves."""
    if not blocks:
        return None
    canary, champion = means(blocks)
    return CanaryLosses(sum(block.rows for block in blocks), canary, champion, capital(blocks, _MARGIN, drawn_up=False))


def judge_model(seen: CanaryAsModel, share: int, shares: int) -> Judgement:
    """Withdraw a canary that clearly loses more, or whose answers are unlike the champion's as they
    were not in validation; pass any other, with what was measured. `shares` is the number of
    shares, over which the error is spread.
    """
    worse = _worse(seen, share, shares)
    if worse:
        return Judgement("withdraw", worse)
    strange = _strange(seen, share)
    if strange:
        return Judgement("withdraw", strange)
    return Judgement("pass", f"{_said_of_losses(seen)}; {_said_of_answers(seen)}")


def beside(server: Judgement, model: Judgement) -> Judgement:
    """The judgement on both: whichever withdraws, decides; else the server's, with what was said of
    the model.
    """
    if server.verdict == "withdraw" or model.verdict == "withdraw":
        return server if server.verdict == "withdraw" else model
    return replace(server, sentence=f"{server.sentence}; {model.sentence}")


def _worse(seen: CanaryAsModel, share: int, shares: int) -> str:
    found = seen.losses
    if found is None or found.rise < _FAR or found.evidence < max(shares, 1) / ERROR:
        return ""
    beside = f"than version {seen.champion} on the same {found.rows} labelled requests"
    return f"at {share} % the canary loses {_percent(found.rise)} more per row {beside}"


def _strange(seen: CanaryAsModel, share: int) -> str:
    """The reason to take the canary back by its answers alone. How far they lie from the champion's
    is none: where the world has moved on, it may be the champion that is far off.
    """
    live, dark = seen.live, seen.dark
    if seen.losses is not None and seen.losses.rise < 0:  # labels know better
        return ""
    if live is None or dark is None or live.rows < _LEAST_ALIKE or live.other_same > _VARIED:
        return ""
    asked = f"at {share} % version {seen.champion} was asked about the same {live.rows} requests"
    if live.served_same >= _CONSTANT > dark.served_same:
        return f"{asked}: the canary gives one answer to {live.served_same:.0%} of them, which it did not in validation"
    if live.correlation < _TURNED <= dark.correlation:
        both = f"rank correlation {live.correlation:.2f}; in validation {dark.correlation:.2f}"
        return f"{asked}: the canary orders them the other way round ({both})"
    return ""


def _said_of_losses(seen: CanaryAsModel) -> str:
    found = seen.losses
    if found is None:
        return "its losses are not judged, because no label of these requests is known yet"
    rows = f"on the same {found.rows} labelled requests"
    if found.rise >= 0:
        return f"it loses {_percent(found.rise)} more per row than version {seen.champion} {rows}, which is not clearly more"
    return f"it loses {_percent(-found.rise)} less per row than version {seen.champion} {rows}"


def _said_of_answers(seen: CanaryAsModel) -> str:
    live = seen.live
    if live is None or seen.dark is None:
        return "its answers are not compared with the champion's"
    few = f", too few of {_LEAST_ALIKE} to judge by" if live.rows < _LEAST_ALIKE else ""
    both = f"{live.correlation:.2f} with the champion's on {live.rows} requests ({seen.dark.correlation:.2f} in validation)"
    return f"its answers have a rank correlation of {both}{few}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share < 10 else "many times"
