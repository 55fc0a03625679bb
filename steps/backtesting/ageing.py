"""The ageing of the policy's models in a replay: what their age cost, and what each training won.

Unlike the loop, which measures ageing by pilots, a replay knows what came: the cost of age is told
by the models of the calendar, each on the rows before the next, and a training is judged by what
the version before would have lost on the rows that it answered.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np

from modelmedic.steps.backtesting.losses import row_losses, targets
from modelmedic.steps.backtesting.models import Floats
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.plan import ReplayPlan
from modelmedic.steps.backtesting.replayed_site import ReplayedSite
from modelmedic.steps.backtesting.taught import TaughtModels
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.records.ageing_looks import looks
from modelmedic.steps.reporting.ageing import age_point
from modelmedic.steps.reporting.pictures.ageing import AgeingCurve, AgePoint, TrainingMark

_DAY = 86_400_000_000  # µs


def ageing_curve(replayed: ReplayedSite, taught: TaughtModels | None) -> AgeingCurve:
    """The curve of a policy that was played, in per cent of the loss of the time, as the loop's own
    looks are. `taught` are the models of the calendar, None where they were not trained.
    """
    past, plan = replayed.past, replayed.plan
    served = row_losses(past.policy.data.task, targets(past)[past.places(plan.replay)], replayed.answers)
    trainings = _trainings(replayed, served)
    known = _known(past, plan, [each.at for each in trainings], served, taught) if taught is not None else ()
    points = tuple(point for look in looks(replayed.site.store, replayed.site.model) if (point := age_point(look)) is not None)
    return AgeingCurve(plan.replay.start, plan.replay.end, past.policy.retrain.price, points, trainings, known)


def _trainings(replayed: ReplayedSite, served: Floats) -> tuple[TrainingMark, ...]:
    """The versions that came new, each beside the one before on the rows until the next release."""
    past, replay = replayed.past, replayed.plan.replay
    target, task, first = targets(past), past.policy.data.task, past.places(replay).start
    releases = [each for each in replayed.site.history.releases(replayed.site.model) if replay.start < each.at < replay.end]
    found, seen = [], {"1"}
    ends = [*(each.at for each in releases), replay.end][1:]
    for release, until in zip(releases, ends, strict=True):
        if release.version in seen:  # a version that was taken back
            continue
        seen.add(release.version)
        span = Window(release.at, until)
        here = past.places(span)
        own = served[here.start - first : here.stop - first]
        if release.previous is None or not np.isfinite(own).any():
            found.append(TrainingMark(release.at, release.version))
            continue
        before = row_losses(task, target[here], replayed.ask(release.previous)(past.between(span)))
        won = percent_days(before, own, _days(past, here))
        found.append(TrainingMark(release.at, release.version, won, _told(task, before), _told(task, own)))
    return tuple(found)


def percent_days(losses: Floats, better: Floats, days: int) -> float:
    """How much less `better` loses than `losses` do, in per cent of them, times days; shapes (n,),
    NaN for rows without a label.
    """
    total = float(np.nansum(losses))
    return 100 * days * (total - float(np.nansum(better))) / total if total > 0 else 0.0


def _days(past: Past, places: slice) -> int:
    """The number of days with rows."""
    return len(np.unique(past.times[places] // _DAY))


def _told(task: Task, losses: Floats) -> float:
    """The mean loss in the unit in which people know it: the log loss, or the root of the squared
    error.
    """
    mean = float(np.nanmean(losses))
    return mean**0.5 if task is Task.REGRESSION else mean


def _known(past: Past, plan: ReplayPlan, trainings: Sequence[datetime], served: Floats, taught: TaughtModels) -> tuple[AgePoint, ...]:
    """At each look of the calendar, what the policy's model lost more than the newest model since
    its training, in per cent of what it lost, times days.
    """
    target, task = targets(past), past.policy.data.task
    first, paid, found = past.places(plan.replay).start, 0.0, []
    newest = None
    for start, end in pairwise([*plan.looks, plan.replay.end]):
        newest = (taught.at(start) if start > plan.replay.start else None) or newest
        since = max((moment for moment in trainings if moment <= end), default=plan.replay.start)
        if since > start:
            paid = 0.0
        here = past.places(Window(max(start, since), end))
        if newest is not None and here.stop > here.start:
            own = served[here.start - first : here.stop - first]
            paid += percent_days(own, row_losses(task, target[here], newest.on(here)), _days(past, here))
        found.append(AgePoint(end, paid))
    return tuple(found)
