"""The HTML page of one incident: one static file, its sections in the order in which a person asks;
called by publish.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from markupsafe import Markup

from modelmedic.steps.contracts.words import Outcome, Task
from modelmedic.steps.core.comparison.blocks import whole
from modelmedic.steps.reporting.gates import gates_section
from modelmedic.steps.reporting.headline import cards, headline, outcome
from modelmedic.steps.reporting.moments import Moment, moments
from modelmedic.steps.reporting.page_links import evidently, page_links
from modelmedic.steps.reporting.pictures import ageing
from modelmedic.steps.reporting.pictures.ablation import ablation_curves
from modelmedic.steps.reporting.pictures.losses import losses
from modelmedic.steps.reporting.pictures.shares import shares
from modelmedic.steps.reporting.pictures.spans import Lane, spans
from modelmedic.steps.reporting.pictures.text import lasting, number, short, words
from modelmedic.steps.reporting.render import render
from modelmedic.steps.reporting.sections import causes_considered, comparison_section, drift_sentence
from modelmedic.steps.reporting.story import Chain, Story
from modelmedic.steps.reporting.undo_advice import undo_advice

_MOST_RECORDS = 400
_STATES = {"done": ("•", "grey"), "good": ("✓", "good"), "bad": ("✕", "bad"), "open": ("?", "warn")}


def incident_page(story: Story) -> str:
    """The page as HTML without scripts and without anything loaded from elsewhere; sections on what
    has not happened are left out.
    """
    return render(
        "incident.html.j2",
        title=short(f"{story.incident.id}: {outcome(story)}", 120),
        incident=story.incident,
        headline=headline(story),
        cards=cards(story),
        unfinished=_unfinished(story),
        gaps=story.gaps,
        moments=_moments(story),
        comparison=comparison_section(story.comparison),
        links=page_links(story),
        evidently=evidently(story),
        drift_sentence=drift_sentence(story.verdict, story.comparison),
        label_delay=lasting(story.policy.data.labels.delay) if story.policy.data.labels.delay else "",
        diagnosis=story.diagnosis,
        considered=causes_considered(story.diagnosis),
        ageing=ageing.ageing(story.ageing) if story.ageing else None,
        aged=ageing.sentence(story.ageing) if story.ageing else "",
        decision=story.decision,
        limits=_limits(story),
        quarantine=story.quarantine,
        lasting=_lasting(story),
        training=story.training,
        spans=_spans(story),
        **gates_section(story),
        approvals=[{**asdict(said), "what": _ASKED.get(stage, stage)} for stage, said in story.approvals.items()],
        answers=story.answers,
        deploy=story.deploy,
        shares=shares(story.deploy.steps, _ended(story)) if story.deploy else None,
        rollback=story.rollback,
        effect=_effect(story),
        told=story.told,
        undo=undo_advice(story),
        chain=_chain(story.chain, story.incident.model),
        records=[{"record": record, "hash": story.hashes.get(record.sequence, "")[:10]} for record in story.records[-_MOST_RECORDS:]],
        more=max(len(story.records) - _MOST_RECORDS, 0),
        made_at=story.made_at,
        policy_note="" if story.policy.hash == story.incident.policy_hash else ", which is not the policy that is there now",
    )


_ASKED = {"approve": "The challenger was", "approve-remedy": "The remedy was"}


def _unfinished(story: Story) -> str:
    if story.closing is not None:
        return ""
    reached = f"Recorded so far: {', '.join(words(stage) for stage in story.stages)}." if story.stages else "No stage has been recorded."
    return f"{reached} The next run of the heal goes on from there."


def _moments(story: Story) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    told = moments(story.incident, story.records, story.evidence, _untimed(story))
    for index, each in enumerate(told):
        symbol, tone = _STATES[each.state]
        waited = each.at - told[index - 1].at if index and each.timed else timedelta(0)
        after = f"{lasting(waited)} later" if waited >= timedelta(seconds=1) else ""
        rows.append({**asdict(each), "symbol": symbol, "tone": tone, "after": after})
    return rows


def _untimed(story: Story) -> list[Moment]:
    """The results of the training and the gates that the ledger has and the audit trail has not,
    placed behind the decision.
    """
    after = next((record.at for record in story.records if record.event == "remedy.decided"), story.incident.opened_at)
    events = " ".join(record.event for record in story.records)
    told = []
    if story.training is not None and "train" not in events:
        title, state = ("Trained", "done") if story.training.trained else ("Not trained", "bad")
        told.append(Moment(after, title, story.training.sentence, state, timed=False))
    if story.validation is not None and "gate" not in events and "validat" not in events:
        passed, count = sum(gate.passed for gate in story.validation.gates), len(story.validation.gates)
        state = "good" if story.validation.passed else "bad"
        told.append(Moment(after, "Gates", f"version {short(story.validation.version)} passed {passed} of {count}", state, timed=False))
    return told


def _limits(story: Story) -> list[tuple[str, str]]:
    limits, settle = story.policy.limits, story.policy.settle
    return [
        ("budget", f"{limits.healsPerWeek} heals in seven days, {lasting(limits.cooldown)} between two"),
        ("settle time", f"{lasting(settle)} after a heal, in which alerts still speak of the old data"),
        ("breaker", f"opens after {limits.breaker.failures} failed heals within {lasting(limits.breaker.within)}"),
    ]


def _lasting(story: Story) -> Mapping[str, Any] | None:
    """The rows that a person is asked about, and what models taught with and without them lost."""
    if story.lasting is None:
        return None
    found = story.training.ablation if story.training is not None else None
    return {
        "sentence": story.lasting.sentence,
        "spans": story.lasting.spans,
        "columns": story.lasting.columns,
        "said": found.sentence if found is not None else "",
        "picture": ablation_curves(found, _loss_name(story)) if found is not None else None,
        "open": story.closing is None,
    }


def _spans(story: Story) -> Any:
    if story.training is None:
        return None
    plan = story.training.plan
    lanes = [Lane("trained on", "train", (plan.train,)), Lane("held out", "holdout", (plan.holdout,))]
    if story.lasting is not None:
        lanes.append(Lane("in doubt", "excluded", story.lasting.spans))
    elif plan.excluded:
        lanes.append(Lane("set aside", "excluded", plan.excluded))
    lanes.append(Lane("incident's window", "window", (story.incident.window,)))
    return spans(lanes, story.diagnosis.onset if story.diagnosis else None)


def _ended(story: Story) -> int | None:
    if story.deploy is None:
        return None
    return 100 if story.deploy.outcome == "healed" else 0


def _effect(story: Story) -> Mapping[str, Any] | None:
    if story.assessment is not None:
        good, told = story.assessment.effective, story.assessment.told_apart
        return {
            "sentence": "The version before was asked about the rows that came after the heal, and both were judged by the same labels.",
            "said": story.assessment.sentence,
            "tone": ("good" if good else "bad") if told else "",
            "symbol": ("✓" if good else "✕") if told else "=",
            "at": story.assessment.at,
            "picture": _losses(story),
        }
    if story.closing is None or story.closing.outcome not in (Outcome.HEALED, Outcome.ROLLED_BACK):
        return None
    due = story.closing.at + story.policy.settle
    return {
        "sentence": f"Not known yet. From {due:%Y-%m-%d %H:%M} UTC on the labels have matured, and this page states the result.",
        "said": "",
        "picture": None,
    }


def _losses(story: Story) -> Markup | None:
    pair = story.judged.pair(story.closing.champion_before) if story.judged and story.closing else None
    if story.judged is None or pair is None:
        return None
    return losses(whole(pair.since, story.judged.judged_until), story.judged.version, pair.other, _loss_name(story))


def _loss_name(story: Story) -> str:
    return "squared error" if story.policy.data.task is Task.REGRESSION else "log loss"


def _chain(chain: Chain | None, model: str) -> Mapping[str, Any] | None:
    if chain is None:
        return None
    again = f"`modelmedic audit verify {short(model)}` repeats this check at any time."
    records = f"{number(chain.length)} records of this model"
    serious = [fault for fault in chain.faults if not fault.harmless]
    if not chain.length and not serious:
        return {"tone": "grey", "symbol": "", "verdict": "Nothing is recorded yet.", "sentence": "", "faults": ()}
    if not chain.verified:
        tone, symbol, said, sentence = "soft", "", "Not verified here.", f"There are {records}."
    elif serious:
        tone, symbol, said, sentence = "bad", "✕", "The chain is broken.", f"{len(serious)} of {records} are not what was written."
    else:
        tone, symbol, said, sentence = "good", "✓", "The chain is whole.", f"Each of the {records} names the hash of the one before."
    return {"tone": tone, "symbol": symbol, "verdict": said, "sentence": f"{sentence} {again}", "faults": chain.faults[:20]}
