"""A page tells what the records say, whatever they say and however far they go."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.comparison import LossBlock
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence, Hypothesis
from modelmedic.steps.contracts.errors import StoreError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import audit_key, model_hash
from modelmedic.steps.contracts.places import Places
from modelmedic.steps.contracts.words import Cause, Outcome
from modelmedic.steps.reporting.incident import incident_page
from modelmedic.steps.reporting.pictures.distributions import distribution
from modelmedic.steps.reporting.pictures.losses import losses
from modelmedic.steps.reporting.pictures.values import Bins, ColumnComparison
from modelmedic.steps.reporting.publish import publish
from modelmedic.steps.reporting.story import gather
from modelmedic.steps.runtime.run import Site
from tests.fakes.registry import FakeRegistry
from tests.reporting import flights, stories
from tests.reporting.page import Seen, harmless

Kind = Callable[[Path], tuple[Site, Incident]]
EVERY = pytest.mark.parametrize("kind", stories.ALL.values(), ids=stories.ALL.keys())
HOSTILE = '<script>alert("x")</script><img src=http://evil.example/x onerror=alert(1)>\u202e'


@cache
def page_of(kind: Kind) -> str:
    return incident_page(gather(*kind(Path())))


@cache
def told(kind: Kind) -> Seen:
    return Seen(page_of(kind))


@EVERY
def test_page_is_static_and_loads_nothing(kind: Kind) -> None:
    page = page_of(kind)
    harmless(told(kind))
    assert "@import" not in page
    assert re.findall(r"url\(([^)]*)\)", page) == ["#hatch"]
    assert len(page) < 300_000


@EVERY
def test_page_names_model_incident_and_how_it_ended(kind: Kind, tmp_path: Path) -> None:
    site, incident = kind(tmp_path)
    seen = Seen(incident_page(gather(site, incident)))
    closing = site.ledger.closing(incident)
    for said in (site.model, incident.id, closing.outcome.value.replace("_", " ") if closing else "This heal is not finished"):
        assert said in seen.words


def test_every_gate_is_shown_with_its_sentence_and_a_symbol() -> None:
    seen = told(stories.rejected)
    for gate in flights.gates(passed=False):
        assert gate.sentence in seen.words
    marks = [attributes["class"] for tag, attributes in seen.tags if tag == "span" and (attributes.get("class") or "").startswith("mark ")]
    assert marks.count("mark good") == 7
    assert marks.count("mark bad") == 1
    assert "1 of 8 gates failed" in seen.words


def test_twin_that_was_judged_is_told_from_the_model_that_will_serve() -> None:
    words = told(stories.healed).words
    assert f"model (sha256) {'a1' * 32}" in words
    assert f"its twin, which was judged (sha256) {'b2' * 32}" in words
    assert "challenger's twin (version 4)" in words
    assert "rows after the onset 400 0.480 +0.0400 +0.0300 +0.0500" in words


def test_headline_has_cause_confidence_and_remedy(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    story = gather(site, incident)
    assert story.diagnosis
    words = Seen(incident_page(story)).words
    assert re.search(r"concept drift \(\d\d % sure\) *: " + re.escape(story.diagnosis.sentence), words)
    assert "retrain : rule proved-drift, autonomy approve" in words
    assert "version 4 in place of version 3" in words


def test_runners_up_have_their_probability_and_absent_causes_are_ruled_out(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    story = gather(site, incident)
    assert story.diagnosis
    other = Hypothesis(Cause.LABEL_SHIFT, 0.23, sentence="all residuals moved a little")
    words = Seen(incident_page(replace(story, diagnosis=replace(story.diagnosis, runners_up=(other,))))).words
    assert "label shift 23 %" in words
    assert "all residuals moved a little" in words
    ruled_out = words.partition("Considered and ruled out")[2].partition("Evidence")[0]
    assert "seasonal" in ruled_out
    assert "label shift" not in ruled_out


def test_without_labels_nothing_is_said_to_be_ruled_out_by_them() -> None:
    words = told(stories.quarantined).words
    assert "No labels of this window are known" in words
    assert "Cannot be told without labels: label quality, concept drift, label shift" in words


def test_broken_columns_are_drawn_with_what_is_wrong() -> None:
    seen = told(stories.quarantined)
    labels = [attributes.get("aria-label") or "" for tag, attributes in seen.tags if tag == "svg"]
    assert any(label.startswith("distance: share of rows") for label in labels)
    assert "null jump" in seen.words
    assert "without a value 0 % → 5" in seen.words


def test_objections_and_unverified_approval_are_said() -> None:
    assert "freeze model flights-delay is frozen by maria" in told(stories.escalated).words
    assert "unverified" in told(stories.healed).words


def test_rollout_shows_each_share_with_requests_and_failures() -> None:
    words = told(stories.withdrawn).words
    assert re.search(r"50 % 2013-06-10 07:\d\d 388 41 24 ms 22.5 ms", words)
    assert "Taken back" in words


def test_who_was_told_what() -> None:
    words = told(stories.quarantined).words
    assert "flight-ops warning flights-delay: rows are broken and set aside" in words


def test_what_was_begun_and_never_ended_is_said() -> None:
    words = told(stories.crashed).words
    assert "Canary promoted: begun no record says that it ended" in words
    assert "Recorded so far: diagnose, retrain, validate, approve." in words


def test_the_losses_of_both_versions_are_drawn_by_day() -> None:
    blocks = [LossBlock(datetime(2013, 6, day, tzinfo=UTC), 90, 0.5 + day / 100, 0.6) for day in range(1, 6)]
    drawn = str(losses(blocks, "2", "1", "log loss"))
    assert drawn.count("<circle") == 5
    assert "Version 2 lost less than version 1 on 5 of 5 days" in drawn
    assert "on 90 labels" in drawn
    assert losses(blocks[:1], "2", "1", "log loss") is None


def test_versions_that_labels_do_not_tell_apart_are_neither_praised_nor_blamed(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    site.ledger.assess(incident, effective=False, sentence="not told apart: so", told_apart=False)
    page = incident_page(gather(site, incident))
    assert "labels do not tell whether the heal helped" in page
    assert "the heal did not help" not in page


def test_assessment_is_told_once_it_is_known() -> None:
    assert "Not known yet." in told(stories.healed).words
    after = told(stories.assessed).words
    assert "the heal helped" in after
    assert "Not known yet." not in after


def test_every_record_is_listed_and_the_chain_is_whole(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    words = Seen(incident_page(gather(site, incident))).words
    for record in site.trail.records(incident.id):
        assert f"{record.sequence} {record.at:%Y-%m-%d %H:%M} {record.event} {record.phase.value}" in words
    assert "The chain is whole." in words


def test_a_changed_record_is_seen(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    key = audit_key(model_hash(site.model), 2)
    blob = site.store.get(key)
    site.store.swap(key, blob.data.replace(b"retrain", b"restart"), blob.tag)
    words = Seen(incident_page(gather(site, incident))).words
    assert "The chain is broken." in words
    assert "record 2" in words


def test_any_missing_stage_leaves_a_page(tmp_path: Path) -> None:
    story = gather(*stories.assessed(tmp_path))
    optional = (
        "champion",
        "verdict",
        "diagnosis",
        "decision",
        "comparison",
        "training",
        "validation",
        "deploy",
        "closing",
        "chain",
    )
    for name in optional:
        without: dict[str, Any] = {name: None}
        harmless(Seen(incident_page(replace(story, **without))))
    nothing: dict[str, Any] = dict.fromkeys((*optional, "quarantine", "rollback", "assessment", "validated_against"))
    harmless(Seen(incident_page(replace(story, **nothing, records=(), told=(), answers=(), evidence=(), stages=(), approvals={}))))


def test_a_stage_of_another_shape_is_a_gap_and_no_crash(tmp_path: Path) -> None:
    site, incident = stories.begun(tmp_path, "concept")
    site.ledger.record_stage(incident, "diagnose", {"diagnosis": {"cause": "witchcraft"}, "decision": 7, "outputs": {}})
    site.ledger.record_stage(incident, "deploy", {"steps": "many"})
    story = gather(site, incident)
    assert len(story.gaps) == 3
    words = Seen(incident_page(story)).words
    assert "Parts of the story are missing." in words
    assert "the record of the diagnosis is not one that this version reads" in words


def test_hostile_texts_are_shown_and_do_nothing(tmp_path: Path) -> None:
    long = "column_" + "x" * 10_000
    site, incident = stories.begun(tmp_path, "renamed")
    site.tell = lambda *_: None  # type: ignore[method-assign]
    flights.diagnosed(site, incident)
    flights.closed(site, incident, Outcome.ESCALATED, HOSTILE)
    story = gather(site, incident)
    evil = Diagnosis(
        Cause.DATA_QUALITY,
        0.9,
        (long, HOSTILE, "carrier"),
        evidence=(Evidence(HOSTILE, HOSTILE * 400, float("nan")),),
        runners_up=(Hypothesis(Cause.SEASONAL, 0.1, (HOSTILE,), sentence=long),),
        sentence=HOSTILE,
    )
    assert story.comparison
    drawn = tuple(replace(column, column=name) for column, name in zip(story.comparison.columns, (long, HOSTILE, "a", "b"), strict=False))
    page = incident_page(replace(story, diagnosis=evil, comparison=replace(story.comparison, columns=drawn), gaps=(HOSTILE,)))
    seen = Seen(page)
    harmless(seen)
    assert '<script>alert("x")</script>' in seen.words
    assert "\u202e" not in page
    assert "\\u202e" in page
    assert max(len(word) for word in seen.words.split()) <= 700
    assert len(page) < 200_000


def test_a_value_of_the_data_that_is_markup_stays_text(tmp_path: Path) -> None:
    site, incident = stories.begun(tmp_path, "renamed")
    flights.diagnosed(site, incident)
    seen = Seen(incident_page(gather(site, incident)))
    harmless(seen)
    assert "<script>alert" in seen.words


@pytest.mark.parametrize("broken", ["empty", "nulls", "one", "text", "missing"])
def test_windows_of_any_kind_leave_a_page(broken: str, tmp_path: Path) -> None:
    whole = flights.table(400, 5, datetime(2013, 6, 3, tzinfo=UTC), 7)
    current = {
        "empty": whole.slice(0, 0),
        "nulls": pa.table({field.name: pa.nulls(len(whole), field.type) for field in whole.schema}),
        "one": whole.slice(0, 1),
        "text": whole.set_column(0, "distance", pa.array(["far"] * len(whole))),
        "missing": whole.drop_columns(["distance", "carrier"]),
    }[broken]
    site = flights.site(current, tmp_path)
    incident = flights.opened(site)
    site.ledger.record_stage(incident, "diagnose", {"diagnosis": to_plain(Diagnosis(Cause.DATA_QUALITY, 0.9, ("distance",)))})
    story = gather(site, incident)
    assert not [gap for gap in story.gaps if "fault of this program" in gap]
    harmless(Seen(incident_page(story)))


def test_page_is_stored_and_renewed(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    key = publish(site, incident)
    assert key == f"reports/{model_hash(site.model)}/000001/incident.html"
    assert b"Not known yet." in site.store.get(key).data
    site.ledger.assess(incident, effective=False, sentence="not effective: mean log loss is 0.6")
    assert publish(site, incident) == key
    assert b"the heal did not help" in site.store.get(key).data


def test_a_store_that_is_away_is_the_callers_matter(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    cast(Any, site.store).unreachable = True
    with pytest.raises(StoreError):
        publish(site, incident)


def drawn(site: Site, incident: Incident, *differs: str) -> None:
    """Record what the report stage does."""
    columns = [{"column": "distance", "method": "wasserstein", "value": 0.2, "threshold": 0.05}]
    document = {"pages": ["reports/x/000001/evidently.html"], "columns": columns, "differs": list(differs), "outputs": {"written": "yes"}}
    site.ledger.record_stage(incident, "report", document)


def test_evidentlys_page_is_linked_to_beside_ours_and_its_agreement_is_said(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    drawn(site, incident)
    seen = Seen(incident_page(gather(site, incident)))
    harmless(seen)
    assert ("a", {"href": "evidently.html", "rel": "noreferrer"}) in seen.tags
    assert "It finds drift in 1 of 1 columns and agrees with our verdict on each." in seen.words


def test_a_disagreement_with_evidently_is_said(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    drawn(site, incident, "Evidently says that distance drifted, and our verdict does not")
    words = Seen(incident_page(gather(site, incident))).words
    assert "≠ Evidently says that distance drifted, and our verdict does not" in words
    assert "agrees with our verdict" not in words


def test_without_a_page_of_evidently_nothing_is_said_of_it(tmp_path: Path) -> None:
    assert "Evidently" not in Seen(incident_page(gather(*stories.healed(tmp_path)))).words


def test_a_page_links_to_where_to_look(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    places = {"argo": "https://argo.example", "mlflow": "https://mlflow.example", "grafana": "https://grafana.example"}
    site.places = Places(**places, reports="https://store.example", namespace="ml")
    drawn(site, incident)
    story = gather(site, incident)
    seen = Seen(incident_page(replace(story, links={**story.links, "runbook": "https://docs.example/ModelmedicDrift.md"})))
    harmless(seen)
    assert [attributes["href"] for tag, attributes in seen.tags if tag == "a"] == [
        f"https://argo.example/workflows/ml/heal-{incident.id}",
        "https://mlflow.example/#/models/flights-delay/versions/4",
        "https://grafana.example/d/modelmedic-model?var-model=flights-delay",
        "https://docs.example/ModelmedicDrift.md",
        "https://store.example/reports/x/000001/evidently.html",
    ]


_TICK = re.compile(r"<text [^>]*>[^<]*</text>")
_WIDTH = 6.1  # pixels of an average letter of a tick


def cut(drawn: str) -> list[str]:
    """Labels that end at an axis and begin before the picture's left edge."""
    ends = [element for element in _TICK.findall(drawn) if 'text-anchor="end"' in element]
    found = [(unescape(re.sub(r"<[^>]*>", "", each)), float(re.findall(r' x="([0-9.-]+)"', each)[0])) for each in ends]
    assert found
    return [text for text, at in found if _WIDTH * len(text) > at]


def test_an_axis_up_to_all_rows_is_written_whole() -> None:
    drawn = ColumnComparison("age", bins=Bins((0.0, 1.0, 2.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0)))
    assert ">100 %<" in str(distribution(drawn))
    assert cut(str(distribution(drawn))) == []


def test_labels_beside_axes_are_within_their_pictures() -> None:
    assert cut(page_of(stories.healed)) == []


def test_the_page_is_kept_beside_the_challengers_training_as_well(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    key = publish(site, incident)
    attached = cast(Any, site.registry).attached
    assert attached == {("4", "incident.html"): site.store.get(key).data.decode()}


def test_a_registry_that_is_away_keeps_no_page_from_the_store(tmp_path: Path) -> None:
    site, incident = stories.healed(tmp_path)
    said: list[str] = []
    registry = FakeRegistry(tmp_path / "registry")
    registry.unreachable = True
    site.registry, site.say = registry, said.append
    assert site.store.get(publish(site, incident)).data
    assert said == ["the incident's page is not beside version 4 in MLflow: the registry is set to be unreachable"]
