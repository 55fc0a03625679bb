"""The adoption of a champion that the registry has and this program did not make, or whose
reference is lost: it gets a reference and a release, and nothing is trained, served or deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.bootstrap.adopted_reference import AdoptedReference, expect_labelled, find_reference, first_logged, own_rows
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.inference_log import PREDICTION
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.data import snapshots
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.runtime.anchoring import anchor
from modelmedic.steps.runtime.run import Site, advance
from modelmedic.steps.runtime.versions import taught_until
from modelmedic.steps.training.ask_version import ask_version
from modelmedic.steps.training.history import bootstrap_rows, remember_bootstrap_rows

_CHECKED = 200  # logged rows that the version's files are asked about
_CLOSE = 1e-6  # between a logged prediction and the same version's answer of today


@dataclass(frozen=True, slots=True)
class Adoption:
    """A champion taken over. `source` says where the rows of its reference are from; `unknown` has
    a sentence for each thing that is not known of it.
    """

    version: str
    source: str
    rows: int
    span: Window
    since: datetime  # it counts as serving from here on
    unknown: tuple[str, ...] = ()


def adopt(site: Site, version: str | None = None, table: pa.Table | None = None, *, dry_run: bool = False) -> Adoption:
    """Take the champion over as it is. Its reference is the one that is there, else that of its
    training where it says so, else the labelled rows of `table`, else the first ones of its log.

    Raises Refused when the alias or what serves is another version, BadInput when there is no
    version to take or there are too few labelled rows of it.
    """
    model = _champion(site, version)
    _expect_served(site, model)
    given = expect_labelled(site, table) if table is not None else None
    first = first_logged(site, model)
    found = find_reference(site, model, first, given, dry_run=dry_run)
    release = _release(site, model, first)
    unknown = (*found.unknown, *_unknown(site, model), *(() if dry_run else _unlike_its_log(site, model, first)))
    adopted = Adoption(model.version, found.source, found.table.num_rows, _span(site, found.table), release.at, unknown)
    if not dry_run:
        _write(site, model, found, adopted, release, given)
    return adopted


def _champion(site: Site, version: str | None) -> ModelVersion:
    alias = site.policy.registry.champion
    at = site.registry.alias(alias)
    if version is None and at is None:
        known = ", ".join(each.version for each in site.registry.versions()) or "none"
        raise BadInput(f"alias {alias} of {site.policy.registry.name} names no version (registered: {known}); expected one by --version")
    if version is not None and at not in (None, version):
        raise Refused(
            f"alias {alias} of {site.policy.registry.name} is at version {at}, not {version}; move it in MLflow, or leave --version out"
        )
    return site.registry.version(str(version or at))


def _expect_served(site: Site, model: ModelVersion) -> None:
    served = site.serving.state().champion
    if served is not None and served.version != model.version:
        raise Refused(
            f"version {served.version} of {site.model} serves, and version {model.version} is to be adopted: let one version serve and be "
            f"the alias {site.policy.registry.champion} first (docs/operations.md, The alias)"
        )


def _release(site: Site, model: ModelVersion, first: datetime | None) -> Release:
    """The version's release as it is recorded, else since its first logged row: what a version
    answered before its release would count as a canary's.
    """
    known = site.history.releases(site.model)
    if known and known[-1].version == model.version:
        return known[-1]
    at = first if first is not None and not known else site.clock.now()
    return Release(at, model.version, known[-1].version if known else None, by="adoption")


def _unknown(site: Site, model: ModelVersion) -> Iterator[str]:
    """What nobody has told of the version, and what that costs."""
    if taught_until(model) is None:
        yield f"Until when version {model.version} learnt: its age is counted from its release on."
    if not model.digest:
        yield f"Files of version {model.version} that can be served: somebody else registered it, so that no rollback brings it back."
    state = site.serving.state()
    if state.foreign is not None:
        yield f"{state.foreign.sentence.partition(';')[0]}: its requests and labels get in by `modelmedic log` (docs/feeding.md)."
    elif state.champion is None:
        feed = "so that requests get in by `modelmedic log` (docs/feeding.md)"
        yield f"Who answers as version {model.version}: nothing of ours does, {feed}."


def _unlike_its_log(site: Site, model: ModelVersion, first: datetime | None) -> Iterator[str]:
    """A sentence where the version's files do not answer as its log says, or cannot be asked."""
    if first is None:
        return
    rows = own_rows(site, model, Window(first, site.clock.now())).slice(0, _CHECKED)
    answers = ask_version(site, model.version, rows, "adopted") if rows.num_rows else None
    if rows.num_rows and answers is None:
        yield f"How version {model.version} answers: its files cannot be asked here, and before they can, no challenger is judged."
    if answers is not None:
        off = int((np.abs(answers - rows[PREDICTION].to_numpy()) > _CLOSE).sum())
        if off:
            yield f"Why the files of version {model.version} answer {off} of {rows.num_rows} logged rows in another way than the log says."


def _span(site: Site, rows: pa.Table) -> Window:
    times = rows[site.policy.data.time]
    return Window(pc.min(times).as_py(), pc.max(times).as_py() + timedelta(microseconds=1))


def _write(site: Site, model: ModelVersion, found: AdoptedReference, adopted: Adoption, release: Release, given: pa.Table | None) -> None:
    """The alias last: before it is moved the version is no champion, and the call can be made
    again.
    """
    if not found.kept:
        site.references.keep(model.version, found.table)
    if given is not None and bootstrap_rows(site) is None:
        remember_bootstrap_rows(site, snapshots.keep(site.store, given))
    facts = {
        "version": model.version,
        "source": adopted.source,
        "rows": adopted.rows,
        "span": adopted.span,
        "unknown": list(adopted.unknown),
    }
    site.once("champion.adopted", f"adopted:{model.version}", facts)
    site.record_release(release)
    alias = site.policy.registry.champion
    if site.registry.alias(alias) is None:
        advance(site, _alias_move(site, alias, model.version))
    anchor(site)


def _alias_move(site: Site, alias: str, version: str) -> Effect:
    def moved() -> dict[str, str] | None:
        return {"alias": alias, "version": version} if site.registry.alias(alias) == version else None

    def move() -> None:
        site.registry.move_alias(alias, version, expected=None)

    return Effect("alias.moved", f"adopt:alias:{alias}:{version}", Direction.ADVANCE, move, moved)
