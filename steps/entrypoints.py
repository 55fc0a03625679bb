"""Everything that a container may be asked for by name: the stages of a heal, and beside heals the
monitor, triage, the inbox of changes, the parts of a bootstrap and the sweep.

Called by `python -m modelmedic.steps NAME`. The policy, or the list of all policies, is a mounted
file that the environment names. What an entry point needs is imported when it is called.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Transient
from modelmedic.steps.contracts.redaction import redact_texts
from modelmedic.steps.heal.results import page_of
from modelmedic.steps.heal.steps import CLOSE, STEPS, call_alone
from modelmedic.steps.runtime.run import Outputs
from modelmedic.steps.runtime.workspace import Say, Workspace

REPORT = "incident.html"  # the file of the incident report in the outputs folder


def run_monitor(workspace: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    """Judge the current window and push the verdict; open the incident that the alert will name."""
    from modelmedic.steps.detection.look import look_and_tell

    _expect(inputs)
    site = workspace.site(workspace.policy(), say=say)
    seen, delivered = look_and_tell(site, workspace.metrics(site.work))
    if not delivered:
        raise Transient(f"the verdict of {site.model} is written down, but no alert can be made of it: the metrics were not delivered")
    return {"state": seen.verdict.state.value}


def run_triage(workspace: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    """Sort one alert body; `payload` names the file that holds it, in base64."""
    from modelmedic.steps.incidents.triage import decode_payload, triage

    _expect(inputs, "payload")
    return triage(workspace, decode_payload(Path(inputs["payload"])), say)


def run_note_change(workspace: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    """Note one change beside a model of ours, or beside all; `payload` names the file that holds
    it, in base64. The same change again notes nothing new.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.core.records.change_body import read_change
    from modelmedic.steps.incidents.triage import decode_payload
    from modelmedic.steps.records.change_events import note_change

    _expect(inputs, "payload")
    event = read_change(decode_payload(Path(inputs["payload"])))
    if event.model is not None and event.model not in workspace.fleet():
        raise BadInput(f"the change names the model {event.model}, which no policy here is about; expected one of the rendered policies")
    key, new = note_change(workspace.store, SystemClock(), event)
    say(f"{'noted' if new else 'was noted before'}: {key}")
    return {"new": "yes" if new else "no"}


def run_bootstrap(workspace: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    """Run one `part` of a first champion, each in the step class that has the rights for it.

    The parts hand each other their results in the object store.
    """
    part = inputs.get("part", "")
    if part not in _PARTS:
        raise BadInput(f"part is {part!r}; expected one of {', '.join(_PARTS)}")
    return _PARTS[part](workspace, inputs, say)


def run_reconcile(workspace: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    """Sweep every model. One that cannot be looked after keeps no other waiting; its error is
    raised when all had their turn.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.incidents.heal_metrics import tell_sweep, tell_sweep_ended
    from modelmedic.steps.incidents.triage import send_late_refusals
    from modelmedic.steps.reconcile.sweep import sweep_in_cluster

    _expect(inputs)
    repaired, failed = 0, []
    for name, policy, facts in workspace.policies(say):
        try:
            site = workspace.site(policy, say=say)
            try:
                repaired += sweep_in_cluster(site, workspace.workflows, facts)
            finally:
                tell_sweep(site)
        except ModelmedicError as error:
            failed.append(error)
            say(f"{name}: {error}")
    send_late_refusals(workspace, say)
    tell_sweep_ended(workspace.metrics(workspace.root / "work"), SystemClock().now().timestamp(), say)
    if failed:
        raise failed[0]
    return {"repaired": str(repaired)}


def _check_part(workspace: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    from modelmedic.steps.bootstrap.serve import expect_nothing_foreign

    _expect(inputs, "part")
    expect_nothing_foreign(workspace.site(workspace.policy(), say=say))
    return {}


def _train_part(workspace: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    from modelmedic.steps.bootstrap.rows import keep_rows, uploaded_rows
    from modelmedic.steps.bootstrap.train import train_first

    _expect(inputs, "part")
    site = workspace.site(workspace.policy(), say=say, records=False)
    return {"candidate": train_first(site, keep_rows(site, uploaded_rows(site)))}


def _register_part(workspace: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    from modelmedic.steps.bootstrap.register import register_first

    _expect(inputs, "part", "candidate")
    site = workspace.site(workspace.policy(), say=say, records=False)  # the account that vouches for models keeps no policies
    return {"version": register_first(site, inputs["candidate"]).version}


def _serve_part(workspace: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    from modelmedic.steps.bootstrap.serve import serve_first

    _expect(inputs, "part", "version")
    serve_first(workspace.site(workspace.policy(), say=say), inputs["version"])
    return {}


Entrypoint = Callable[[Workspace, Mapping[str, str], Say], Outputs]
ENTRYPOINTS: Mapping[str, Entrypoint] = {
    "monitor": run_monitor,
    "triage": run_triage,
    "note-change": run_note_change,
    "bootstrap": run_bootstrap,
    "reconcile": run_reconcile,
}
_PARTS: Mapping[str, Entrypoint] = {"check": _check_part, "train": _train_part, "register": _register_part, "serve": _serve_part}
NAMES = (*STEPS, *ENTRYPOINTS)


def run(name: str, incident: str | None, given: Mapping[str, str], say: Say) -> tuple[Outputs, bytes | None]:
    """The outputs of the stage or entry point, and the incident report that `close` leaves.

    Raises BadInput when a stage lacks its `incident`, or an entry point beside heals has one.
    """
    workspace = Workspace()
    if name in ENTRYPOINTS:
        if incident is not None:
            raise BadInput(f"step {name} belongs to no incident; expected no --incident, got {incident[:80]!r}")
        return ENTRYPOINTS[name](workspace, given, say), None
    if incident is None:
        raise BadInput(f"step {name} belongs to one incident; expected --incident")
    opened = workspace.run(incident, say=say)
    outputs = call_alone(name, opened, given)
    return outputs, page_of(opened) if name == CLOSE else None


def parse_inputs(arguments: list[str]) -> dict[str, str]:
    """`--name=value` tokens, one per input; a value may hold anything because it is never split
    again. Raises BadInput.
    """
    given = {}
    for token in arguments:
        name, equals, value = token.removeprefix("--").partition("=")
        if not token.startswith("--") or not equals or not name:
            raise BadInput(f"argument is {token[:80]!r}; expected --input=value, one token for each input of the step")
        given[name.replace("-", "_")] = value
    return given


def write(outputs: Outputs, folder: Path | None, report: bytes | None = None) -> None:
    """Print `name=value` for each output, redacted, and write a file each into the folder, with the
    report beside them.
    """
    for name, value in redact_texts(outputs).items():
        click.echo(f"{name}={value}")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(value)
    if folder is not None and report is not None:
        (folder / REPORT).write_bytes(report)


def _expect(inputs: Mapping[str, str], *names: str) -> None:
    """Raises BadInput unless the inputs are exactly these, none of them empty."""
    wrong = sorted(set(names) ^ set(inputs)) or [name for name, value in inputs.items() if not value]
    if wrong:
        raise BadInput(
            f"input {wrong[0]} is {inputs.get(wrong[0])!r}; expected exactly {', '.join(names) or 'no input'}, none of them empty"
        )
