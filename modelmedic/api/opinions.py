"""`detect` and `diagnose` for Python: an opinion on two tables, without a policy or a cluster."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelmedic.api.tables import Table, name_of, pictured, rows, thinned
from modelmedic.steps.contracts.detection import ColumnShift, Problem, Roles, Verdict
from modelmedic.steps.contracts.words import Task, VerdictState

if TYPE_CHECKING:
    from modelmedic.steps.contracts.decision import Decision
    from modelmedic.steps.contracts.diagnosis import Diagnosis
    from modelmedic.steps.contracts.words import Cause, Remedy
    from modelmedic.steps.reporting.comparison import Comparison

TaskName = Literal["binary", "regression"]
_SHOWN = 8  # columns in a repr


@dataclass(frozen=True, slots=True)
class Detection:
    """The differences between two tables. `verdict` has all of it; the properties are its parts."""

    verdict: Verdict
    names: tuple[str, str] = ("reference", "current")
    pictures: "Comparison | None" = field(default=None, repr=False, compare=False)

    @property
    def state(self) -> VerdictState:
        """`quiet`, `drifted`, `degraded`, `broken` or `insufficient`."""
        return self.verdict.state

    @property
    def sentence(self) -> str:
        return self.verdict.sentence

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The faults of the data itself."""
        return self.verdict.problems

    @property
    def shifts(self) -> tuple[ColumnShift, ...]:
        """Every compared column, the farthest shifted first."""
        return self.verdict.shifts

    @property
    def drifted(self) -> tuple[str, ...]:
        """The columns whose shift exceeds its limit, worst first."""
        return tuple(shift.column for shift in self.verdict.shifts if shift.shifted)

    def to_dict(self) -> dict[str, Any]:
        """The object that `modelmedic detect --json` prints."""
        from modelmedic.steps.contracts.codec import to_plain

        plain: dict[str, Any] = to_plain(self.verdict)
        return plain

    def report(self, page: str | os.PathLike[str]) -> Path:
        """Write the HTML page for people. Raises BadInput where that cannot be written."""
        return _write(page, self.names, comparison=self.pictures, verdict=self.verdict)

    def __repr__(self) -> str:
        drifted = f", drifted: {_listed(self.drifted)}" if self.drifted else ""
        return f"Detection({self.state.value}: {self.sentence} [{self.verdict.rows} rows against {self.verdict.reference_rows}]{drifted})"

    def _repr_html_(self) -> str:
        return _fragment(self.names, comparison=self.pictures, verdict=self.verdict)


@dataclass(frozen=True, slots=True)
class Opinion:
    """The cause of a difference between two tables, and the decision of the default rules."""

    diagnosis: "Diagnosis"
    decision: "Decision"
    names: tuple[str, str] = ("reference", "current")
    pictures: "Comparison | None" = field(default=None, repr=False, compare=False)

    @property
    def cause(self) -> "Cause":
        return self.diagnosis.cause

    @property
    def confidence(self) -> float:
        """The probability that this cause is the true one, 0..1."""
        return self.diagnosis.confidence

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to blame, worst first."""
        return self.diagnosis.columns

    @property
    def remedy(self) -> "Remedy":
        return self.decision.remedy

    @property
    def sentence(self) -> str:
        return self.diagnosis.sentence

    def to_dict(self) -> dict[str, Any]:
        """The object that `modelmedic diagnose --json` prints."""
        from modelmedic.steps.contracts.codec import to_plain

        decided = {"remedy": self.remedy.value, "rule": self.decision.rule, "needs_approval": self.decision.needs_approval}
        return {**to_plain(self.diagnosis), **decided}

    def report(self, page: str | os.PathLike[str]) -> Path:
        """Write the HTML page for people. Raises BadInput where that cannot be written."""
        return _write(page, self.names, comparison=self.pictures, diagnosis=self.diagnosis, decision=self.decision)

    def __repr__(self) -> str:
        blamed = f", columns: {_listed(self.columns)}" if self.columns else ""
        return f"Opinion({self.cause.value}, {self.confidence:.0%} sure, remedy {self.remedy.value}{blamed}: {self.sentence})"

    def _repr_html_(self) -> str:
        return _fragment(self.names, comparison=self.pictures, diagnosis=self.diagnosis, decision=self.decision)


def detect(
    reference: Table,
    current: Table,
    *,
    target: str | None = None,
    prediction: str | None = None,
    time: str | None = None,
    version: str | None = None,
    id: str | None = None,
    task: TaskName | None = None,
    features: Sequence[str] = (),
    categorical: Sequence[str] = (),
    segments: Sequence[str] = (),
) -> Detection:
    """Say what differs between two tables: broken data first, then drift, then the loss.

    Every row is counted. `reference` and `current` are DataFrames (pandas, polars), Arrow tables,
    or paths of Parquet and CSV files; the other arguments name columns. `features` empty means
    every column that plays no other part.

    Raises BadInput with one sentence about the table or the column that is wrong.
    """
    from modelmedic.steps.detection.two_files import detect_rows

    first, second = rows(reference, "reference"), rows(current, "current")
    roles = _roles(task, features, categorical, segments, target, prediction, time, version, id, known=(*first.names, *second.names))
    verdict = detect_rows(first, second, roles)
    comparison = _compare(reference, current, roles, measured=verdict.shifts)
    return Detection(verdict, (name_of(reference, "reference"), name_of(current, "current")), comparison)


def diagnose(
    reference: Table,
    current: Table,
    *,
    target: str | None = None,
    prediction: str | None = None,
    time: str | None = None,
    version: str | None = None,
    id: str | None = None,
    task: TaskName | None = None,
    features: Sequence[str] = (),
    categorical: Sequence[str] = (),
    segments: Sequence[str] = (),
    season: timedelta | str | None = None,
) -> Opinion:
    """Say why two tables differ, how sure that is, and what the default rules would do about it.

    Without `target` and `prediction` only the inputs can be judged; with `time` the season and the
    onset can be told too. `season` is the period after which the data repeats, such as `"7d"`.
    Tables of more than 400,000 rows are thinned evenly.

    Raises BadInput with one sentence about the table or the column that is wrong.
    """
    from modelmedic.steps.contracts.diagnosis import Context
    from modelmedic.steps.detection.two_files import diagnose_tables
    from modelmedic.workflows.cli.options import span_of

    first, second = thinned(reference, "reference"), thinned(current, "current")
    known = (*first.column_names, *second.column_names)
    roles = _roles(task, features, categorical, segments, target, prediction, time, version, id, known=known)
    period = span_of("season", season, "1h", "3650d") if isinstance(season, str) else season
    diagnosis, decision = diagnose_tables(first, second, roles, Context(season=period))
    comparison = _compare(reference, current, roles, blamed=diagnosis.columns, segment=diagnosis.segment)
    return Opinion(diagnosis, decision, (name_of(reference, "reference"), name_of(current, "current")), comparison)


def _roles(
    task: TaskName | None,
    features: Sequence[str],
    categorical: Sequence[str],
    segments: Sequence[str],
    target: str | None,
    prediction: str | None,
    time: str | None,
    version: str | None,
    id: str | None,
    *,
    known: Sequence[str],
) -> Roles:
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.workflows.cli.options import check_columns

    single = {"target": target, "prediction": prediction, "time": time, "version": version, "id": id}
    many = {"--categorical": categorical, "--segment": segments}
    named = [(flag, name) for flag, name in single.items() if name] + [(flag, name) for flag, names in many.items() for name in names]
    check_columns(named, tuple(dict.fromkeys(known)), "is in neither table")
    strangers = [name for name in features if name not in known]
    if strangers:
        raise BadInput(f"features names {strangers[0]!r}, which is in neither table")
    if task is not None and task not in tuple(Task):
        raise BadInput(f"task is {task!r}; expected one of {', '.join(Task)}")
    return Roles(
        task=Task(task) if task else None,
        features=tuple(features),
        categorical=tuple(categorical),
        segments=tuple(segments),
        **single,
    )


def _compare(reference: Table, current: Table, roles: Roles, **known: Any) -> "Comparison":
    from modelmedic.steps.core.profiles.layout_choice import recognise_roles
    from modelmedic.steps.reporting.comparison import compare

    first, second = pictured(reference, "reference"), pictured(current, "current")
    return compare(first, second, recognise_roles(roles, first.column_names), **known)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _fragment(names: tuple[str, str], **opinion: Any) -> str:
    from modelmedic.steps.reporting.opinion import opinion_fragment

    return opinion_fragment(*names, **opinion)


def _write(page: str | os.PathLike[str], names: tuple[str, str], **opinion: Any) -> Path:
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.reporting.opinion import opinion_page

    path = Path(page)
    try:
        path.write_text(opinion_page(*names, **opinion), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"page {path} cannot be written ({error.strerror or error})") from error
    return path
