"""What a container is asked for beside the stages of a heal: the monitor, the sweep, triage, and
the parts of a bootstrap.

Each door answers the outputs that its workflow declares. The policy, or the list of all policies,
is a mounted file that the environment names.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.bootstrap.rows import labelled
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Transient
from modelmedic.steps.incidents.triage import decoded
from modelmedic.steps.runtime.run import Outputs
from modelmedic.steps.runtime.workspace import Say, Workspace, policies

PARTS = ("train", "register", "serve")


def monitor(place: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    """Judge the current window, push the verdict; opens the incident that the alert will name."""
    from modelmedic.steps.detection.metrics import tell_prometheus
    from modelmedic.steps.detection.monitor import monitor as look

    _expect(inputs)
    site = place.site(place.policy(), say=say)
    seen = look(site)
    if not tell_prometheus(site, seen, place.metrics(site.work)):
        raise Transient(f"the verdict of {site.model} is written down, but no alert can be made of it: the metrics were not delivered")
    return {"state": seen.verdict.state.value}


def bootstrap(place: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    """One part of a first champion, each run by the step class that may do it; the parts meet in
    the object store.
    """
    part = inputs.get("part")
    if part == "train":
        from modelmedic.steps.bootstrap.rows import take
        from modelmedic.steps.bootstrap.train import train_first

        _expect(inputs, "part")
        site = place.site(place.policy(), say=say, records=False)
        named = take(site, labelled(site))
        train_first(site, named)
        return {"snapshot": named}
    site = place.site(place.policy(), say=say, records=part == "serve")  # who vouches for models keeps no policies
    if part == "register":
        from modelmedic.steps.bootstrap.register import register_first

        _expect(inputs, "part", "snapshot")
        return {"version": register_first(site, inputs["snapshot"]).version}
    if part == "serve":
        from modelmedic.steps.bootstrap.serve import serve_first

        _expect(inputs, "part", "version")
        serve_first(site, inputs["version"])
        return {}
    raise BadInput(f"part is {part!r}; expected one of {', '.join(PARTS)}")


def reconcile(place: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    """Every model by itself: one that cannot be looked after keeps nobody else waiting, and fails
    the sweep at its end.
    """
    from modelmedic.steps.incidents.metrics import tell_sweep, tell_sweep_ended
    from modelmedic.steps.reconcile.sweep import sweep_in_cluster

    _expect(inputs)
    repaired, failed = 0, []
    for name, policy, facts in policies(place, say):
        try:
            site = place.site(policy, say=say)
            try:
                repaired += sweep_in_cluster(site, place.workflows, facts)
            finally:
                tell_sweep(site)
        except ModelmedicError as error:
            failed.append(error)
            say(f"{name}: {error}")
    tell_sweep_ended(place.metrics(place.root / "work"), SystemClock().now().timestamp(), say)
    if failed:
        raise failed[0]
    return {"repaired": str(repaired)}


def triage(place: Workspace, inputs: Mapping[str, str], say: Say) -> Outputs:
    """The whole alert body, as it came: base64 in a file."""
    from modelmedic.steps.incidents.triage import triage as sort

    _expect(inputs, "payload")
    return sort(place, decoded(Path(inputs["payload"])), say)


DOORS: Mapping[str, Callable[[Workspace, Mapping[str, str], Say], Outputs]] = {
    "monitor": monitor,
    "bootstrap": bootstrap,
    "reconcile": reconcile,
    "triage": triage,
}


def _expect(inputs: Mapping[str, str], *names: str) -> None:
    """Exactly these inputs, none of them empty."""
    wrong = sorted(set(names) ^ set(inputs)) or [name for name, value in inputs.items() if not value]
    if wrong:
        raise BadInput(
            f"input {wrong[0]} is {inputs.get(wrong[0])!r}; expected exactly {', '.join(names) or 'no input'}, none of them empty"
        )
