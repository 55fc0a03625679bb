"""One place of a document replaced, dropped, doubled or renamed, at whatever depth."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mutation:
    """`hostile` are values to put in a place; `stop` is the chance to do so before the document's
    leaves. Below `deeper` a place is mutated further in, from there to `dropped` it is left out.
    `renamed` makes another key of one; a list's place is repeated one of `times`.
    """

    hostile: Sequence[Any]
    renamed: Callable[[Any, random.Random], Any]
    stop: float
    deeper: float
    dropped: float
    times: Sequence[int] = (1,)

    def of(self, value: Any, rng: random.Random) -> Any:
        if not isinstance(value, dict | list) or not value or rng.random() < self.stop:
            return rng.choice(self.hostile)
        changed = value.copy()
        place = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        kind = rng.random()
        if kind < self.deeper:
            changed[place] = self.of(changed[place], rng)
        elif kind < self.dropped:
            del changed[place]
        elif isinstance(changed, dict):
            changed[self.renamed(place, rng)] = changed.pop(place)
        else:
            changed.extend([changed[place]] * rng.choice(self.times))
        return changed
