"""modelmedic doctor: the things that a cluster or this machine lacks."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from modelmedic.workflows.operations.inspection import Inspection

_FILE = click.Path(path_type=Path)


@click.command(short_help="Find what a cluster or this machine lacks for the loop.")
@click.option("--platform", type=_FILE, help="The platform file that the manifests were rendered with.")
@click.option("--context", help="A context of KUBECONFIG; its current one when left out.")
@click.option(
    "--at",
    "places",
    metavar="SERVICE=URL",
    multiple=True,
    help="Where store, registry, pushgateway or prometheus is reached from here, such as store=http://127.0.0.1:9000.",
)
@click.option("--test-alert", metavar="URL", help="Send a test alert through this Alertmanager and wait until triage gets it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def doctor(platform: Path | None, context: str | None, places: tuple[str, ...], test_alert: str | None, as_json: bool) -> None:
    """Look at versions, kinds, modes, Secrets, rights and the admission policy, and try store,
    MLflow, Pushgateway and Prometheus; exit code 65 when something is missing.
    """
    from modelmedic.steps.adapters.kube.client import connect
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.workflows.cli.console import print_json
    from modelmedic.workflows.inputs.platform import read_platform
    from modelmedic.workflows.operations.doctor import cluster, machine, unreachable
    from modelmedic.workflows.operations.inspection import MISSING, plain
    from modelmedic.workflows.operations.services import services

    where, named, inspections, kube = read_platform(platform), dict(map(_place, places)), machine(), None
    try:
        kube = connect(context)
        inspections += cluster(kube, where)
    except BadInput as error:
        inspections += unreachable(error)
    inspections += services(where, kube, named)
    if test_alert and kube:
        from modelmedic.workflows.operations.alertmanager_client import poster
        from modelmedic.workflows.operations.round_trip import round_trip

        inspections.append(round_trip(kube, where, poster(test_alert)))
    missing = [each for each in inspections if each.state == MISSING]
    if as_json:
        print_json({"ok": not missing, "answers": plain(inspections)})
    else:
        for each in inspections:
            _show(each)
    if missing:
        raise BadInput(f"{len(missing)} of {len(inspections)} things are missing; what to do stands behind each")


def _place(text: str) -> tuple[str, str]:
    """A service's name and its address."""
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.workflows.operations.ways import NAMES

    name, _, address = text.partition("=")
    if name not in NAMES or not address.startswith(("http://", "https://")):
        raise BadInput(f"--at is {text!r}; expected SERVICE=URL with one of {', '.join(NAMES)} and an http or https address")
    return name, address


def _show(each: "Inspection") -> None:
    click.echo(f"{each.state:<8} {each.subject}: {each.sentence}" + (f" -> {each.remedy}" if each.remedy else ""))
