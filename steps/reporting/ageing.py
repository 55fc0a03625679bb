"""The looks at a model's ageing and its releases, gathered into the curve that the pages draw;
called by the command ageing, the incident's story and the backtest.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from modelmedic.steps.contracts.ageing import AgeingLook
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.records.ageing_looks import looks
from modelmedic.steps.records.comparisons import newest_comparison
from modelmedic.steps.records.history import History
from modelmedic.steps.reporting.pictures.ageing import AgeingCurve, AgePoint, TrainingMark, ageing, sentence
from modelmedic.steps.reporting.pictures.text import number, short
from modelmedic.steps.reporting.render import render

_MOST_LOOKS = 160  # the newest: three years of weeks
_A_MOMENT = timedelta(microseconds=1)


def ageing_curve(store: ObjectStore, history: History, model: str, until: datetime | None = None) -> AgeingCurve | None:
    """The curve of the looks that were made by `until`, or of all, with a mark for each version
    that came new between the first and the last of them; None where fewer than two looks measured
    anything.

    Raises BadInput for a record that cannot be read, and StoreError.
    """
    made = [look for look in looks(store, model) if until is None or look.at <= until][-_MOST_LOOKS:]
    points = tuple(point for look in made if (point := age_point(look)) is not None)
    if len(points) < 2:
        return None
    price = next((look.price for look in reversed(made) if look.price is not None), 0.0)
    last = until or made[-1].at
    marks = tuple(_mark(store, model, release) for release in _new(history.releases(model)) if points[0].at < release.at <= last)
    return AgeingCurve(points[0].at, points[-1].at, price, points, marks)


def age_point(look: AgeingLook) -> AgePoint | None:
    """The look as the picture draws it; None where it measured nothing."""
    return AgePoint(look.at, look.paid, look.ageing, look.error, look.interval) if look.paid is not None else None


def ageing_page(model: str, curve: AgeingCurve) -> str:
    """One HTML file without scripts: what age has cost, and what each training won."""
    return render(
        "ageing.html.j2",
        title=short(f"modelmedic: the ageing of {model}", 120),
        model=model,
        curve=curve,
        sentence=sentence(curve),
        drawing=ageing(curve),
        rows=[{"at": each.at, "version": each.version, **_told(each)} for each in reversed(curve.trainings)],
    )


def _told(mark: TrainingMark) -> dict[str, str]:
    return {"before": number(mark.before, 4), "after": number(mark.after, 4), "won": number(mark.won)}


def _new(releases: tuple[Release, ...]) -> Iterator[Release]:
    """The releases of versions that had not served before, but the first."""
    seen: set[str] = set()
    for release in releases:
        if release.version not in seen and release.previous is not None:
            yield release
        seen.add(release.version)


def _mark(store: ObjectStore, model: str, release: Release) -> TrainingMark:
    """The release, with what it won over the version before on the days that both were asked
    about, by the newest comparison of them.
    """
    found = newest_comparison(store, model, release.version, after=release.at - _A_MOMENT)
    pair = found.pair(release.previous) if found is not None else None
    blocks = pair.since if pair is not None else ()
    rows, before = sum(block.rows for block in blocks), sum(block.rows * block.other for block in blocks)
    if before <= 0:
        return TrainingMark(release.at, release.version)
    after = sum(block.rows * block.served for block in blocks)
    return TrainingMark(release.at, release.version, 100 * len(blocks) * (before - after) / before, before / rows, after / rows)
