"""How often a replay looks: as soon as a window counts as another one than the last, which is what an hourly monitor comes to."""

from datetime import timedelta

from modelmedic.steps.backtesting.stage import Stage
from modelmedic.steps.contracts.policy import Policy

_APART = 4  # looks a window; windows that end closer together count as one


def step(policy: Policy) -> timedelta:
    return policy.detect.window / _APART


def move_on(stage: Stage) -> bool:
    """To the next look; no when the replay is over instead."""
    rest = stage.cut.replay.end - stage.clock.now()
    stage.clock.sleep(min(step(stage.site.policy), rest))
    return stage.clock.now() < stage.cut.replay.end
