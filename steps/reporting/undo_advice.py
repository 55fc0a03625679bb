"""The commands with which a person takes back what a heal changed, for the incident page."""

import shlex
from dataclasses import dataclass

from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.reporting.pictures.text import short
from modelmedic.steps.reporting.story import Story


@dataclass(frozen=True, slots=True)
class UndoAdvice:
    """Advice in a sentence. `commands` are pairs of a purpose and the command."""

    sentence: str
    commands: tuple[tuple[str, str], ...] = ()


def undo_advice(story: Story) -> UndoAdvice:
    """The commands in order; none where nothing was changed."""
    outcome = story.closing.outcome if story.closing else None
    freeze = (_FREEZE, f"modelmedic freeze {_name(story)} --reason {shlex.quote('looking into ' + story.incident.id)}")
    if outcome is None:
        return UndoAdvice(
            "The heal is still open and goes on when it is run again; freeze the model first if you doubt the heal.", (freeze,)
        )
    if outcome is Outcome.QUARANTINED:
        return UndoAdvice("Nothing was deleted and no model was changed: the rows lie where they were, and training leaves them out.")
    if outcome is Outcome.HEALED or outcome is Outcome.ROLLED_BACK:
        return _switched(story, freeze)
    return UndoAdvice("Nothing that serves was changed, so there is nothing to undo.")


_FREEZE = "Keep the loop from advancing meanwhile (going back stays allowed):"


def _switched(story: Story, freeze: tuple[str, str]) -> UndoAdvice:
    if story.undone is not None:
        return UndoAdvice(f"The heal was undone already, by {short(story.undone.by)}: {story.undone.sentence}.")
    moved = story.deploy or story.rollback
    before = (moved.before if moved else None) or (story.closing.champion_before if story.closing else None)
    after = (moved.after if moved else None) or (story.closing.champion_after if story.closing else None)
    if before is None:
        return UndoAdvice("The version that served before is not recorded.", (freeze,))
    back = (
        f"Let version {before} serve again in place of version {after}:",
        f"modelmedic undo {shlex.quote(story.incident.id)}",
    )
    if story.rollback is not None:  # a freeze would refuse this one
        return UndoAdvice(f"Version {before} served before, and was judged bad; its files are kept by their digest.", (back,))
    return UndoAdvice(f"Version {before} served before; its files are kept by their digest.", (freeze, back))


def _name(story: Story) -> str:
    return shlex.quote(story.incident.model)
