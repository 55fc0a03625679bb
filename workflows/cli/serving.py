"""modelmedic stop and serve: the predictor of a model on this machine, ended and started again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.place import place_options, policy_at, workspace

if TYPE_CHECKING:
    from modelmedic.steps.adapters.local_serving.serving import LocalServing
    from modelmedic.steps.contracts.policy import Policy


@click.command(short_help="Stop what serves a model on this machine.")
@click.argument("policy", type=click.Path(path_type=Path))
@place_options
def stop(policy: Path, home: Path | None, below: tuple[Path, ...], above: tuple[Path, ...]) -> None:
    """End the predictors and the gateway of POLICY on this machine, when their part of the
    inference log is written. `modelmedic serve` starts them again.
    """
    from modelmedic.workflows.cli.console import out, safe, working

    rules, serving = _local(policy, home, below, above)
    started = serving.port
    with working("waiting until the last requests are logged"):
        serving.stop()
    if started:
        out().print(safe(f"nothing serves {rules.name} any more; `modelmedic serve {policy}` starts it again"))
    else:
        out().print(safe(f"nothing of {rules.name} was started on this machine; `modelmedic bootstrap` starts the first champion"))


@click.command(short_help="Start again what served a model on this machine.")
@click.argument("policy", type=click.Path(path_type=Path))
@place_options
def serve(policy: Path, home: Path | None, below: tuple[Path, ...], above: tuple[Path, ...]) -> None:
    """Start the champion of POLICY on this machine again, after `modelmedic stop` or a reboot.

    Refused (77) where `modelmedic bootstrap` has started no champion yet.
    """
    from modelmedic.steps.contracts.errors import Refused
    from modelmedic.workflows.cli.console import out, safe, working

    rules, serving = _local(policy, home, below, above)
    before = serving.port
    with working("starting the champion"):
        champion = serving.resume().champion
    if champion is None:
        raise Refused(f"no champion of {rules.name} was started on this machine; `modelmedic bootstrap` starts the first one")
    moved = f"; port {before}, where it was asked before, is taken" if before and before != serving.port else ""
    out().print(safe(f"version {champion.version} of {rules.name} serves at {serving.url}{moved}"))


def _local(policy: Path, home: Path | None, below: tuple[Path, ...], above: tuple[Path, ...]) -> "tuple[Policy, LocalServing]":
    """The policy and its serving side. Raises BadInput where that is a cluster."""
    from modelmedic.steps.adapters.local_serving.serving import LocalServing
    from modelmedic.steps.contracts.errors import BadInput

    rules = policy_at(policy, below, above)
    serving = workspace(home).serving_of(rules)
    if not isinstance(serving, LocalServing):
        raise BadInput("MODELMEDIC_SERVING names a cluster; expected local, because InferenceServices are stopped by kubectl")
    return rules, serving
