"""The question that is put to people when a heal needs their approval, with what they need to
answer it: the cause, what the challenger does better, whom it reaches, until when, the way back.
"""

from collections.abc import Iterator
from datetime import datetime

from modelmedic.steps.approval.reach import reach
from modelmedic.steps.contracts.comparison import Ablation
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import DiagnoseResult, RetrainResult, ValidateResult
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.runtime.run import Run


def question(run: Run, stage: str, asked_at: datetime) -> tuple[str, str]:
    """The question in a few words, and all that a person needs to answer it. Results that cannot be
    read are left out: a question that says little is better than none.
    """
    try:
        return _question(run, stage, asked_at)
    except BadInput:
        return f"{run.site.model}: an approval is needed", _answers(run, asked_at)


def _question(run: Run, stage: str, asked_at: datetime) -> tuple[str, str]:
    model = run.site.model
    found = run.result(DiagnoseResult)
    compared = _ablation(run) if stage == "approve" else None
    if compared is not None:
        return f"{model}: rows stay set aside; do they count?", _about_rows(run, compared, asked_at)
    judged = run.result_if_any(ValidateResult) if stage == "approve" else None
    if judged is None:
        asked = f"{model}: may {_words(found.decision.wanted, found.diagnosis)}?"
        return asked, " ".join((_cause(found.diagnosis), *reach(run, found), _answers(run, asked_at)))
    asked = f"{model}: may version {judged.version} serve instead of {judged.champion or 'none'}?"
    return asked, " ".join((_cause(found.diagnosis), *_gain(judged, run.site.policy), *reach(run, found), _answers(run, asked_at)))


def _words(remedy: Remedy, found: Diagnosis) -> str:
    if remedy is Remedy.ROLLBACK:
        return f"version {found.version} be taken back" if found.version else "the last release be taken back"
    return "the broken rows be set aside" if remedy is Remedy.QUARANTINE else f"the remedy {remedy.value} be carried out"


def _cause(found: Diagnosis) -> str:
    return f"{found.cause.value} ({found.confidence:.0%} sure): {found.sentence.rstrip('.')}."


def _gain(judged: ValidateResult, policy: Policy) -> Iterator[str]:
    """The two models on the rows that the gates judged by, and the gates."""
    new, old = (judged.validation.metrics.get(f"{who}_{policy.metric}") for who in ("challenger", "champion"))
    if new is not None and old is not None:
        yield f"On the newest labelled rows its {policy.metric} is {new:.4g}, the champion's {old:.4g}."
    yield f"{sum(gate.passed for gate in judged.validation.gates)} of {len(judged.validation.gates)} gates passed."


def _answers(run: Run, asked_at: datetime) -> str:
    name, until = f"{run.incident.id}{_by_key(run)}", asked_at + run.site.policy.approval.timeout
    silence = f"no answer by {until:%Y-%m-%d %H:%MZ} is a rejection"
    return f"`modelmedic approve {name}` or `modelmedic reject {name}`; {silence}. `modelmedic undo {run.incident.id}` takes it back later."


def _about_rows(run: Run, compared: Ablation, asked_at: datetime) -> str:
    name, until = f"{run.incident.id}{_by_key(run)}", asked_at + run.site.policy.approval.timeout
    taught = "with them serve, and counts them as good again" if compared.with_them else "without them serve, and keeps them set aside"
    keeps = f"`modelmedic reject {name}`, or no answer by {until:%Y-%m-%d %H:%MZ}, lets no model serve and keeps them set aside"
    return f"{compared.sentence}. `modelmedic approve {name}` lets the model taught {taught}; {keeps}"


def _by_key(run: Run) -> str:
    """The rest of a command that answers, where who answers has to prove it."""
    approval = run.site.policy.approval
    return " --by NAME --key FILE" if approval.signers else " --kube" if approval.kubernetes else ""


def _ablation(run: Run) -> Ablation | None:
    """What rows that stay set aside are worth, where the heal has compared it."""
    trained = run.site.ledger.stage(run.incident, RetrainResult.name)
    return run.result(RetrainResult).ablation if trained is not None and trained.get("ablation") else None
