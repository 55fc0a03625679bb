"""modelmedic explain: the consequences of an alert or of a policy."""

from pathlib import Path
from typing import Any

import click


@click.command(short_help="Explain what an alert or a policy leads to.")
@click.argument("subject", metavar="ALERT|POLICY")
@click.option(
    "--defaults", "below", type=click.Path(path_type=Path), multiple=True, help="Org-wide defaults under the policy; may be repeated."
)
@click.option(
    "--overlay", "above", type=click.Path(path_type=Path), multiple=True, help="An environment's values over the policy; may be repeated."
)
@click.option("--platform", type=click.Path(path_type=Path), help="The platform file, for the addresses of runbooks.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def explain(subject: str, below: tuple[Path, ...], above: tuple[Path, ...], platform: Path | None, as_json: bool) -> None:
    """Explain an ALERT: when it fires, whom it reaches and what to read; or a POLICY: the rule,
    remedy, autonomy, limits and approvers that apply to each cause.
    """
    from modelmedic.steps.adapters.policy.file import load_policy
    from modelmedic.workflows.cli.console import print_json
    from modelmedic.workflows.inputs.platform import read_platform
    from modelmedic.workflows.monitoring.alert_rules import alert
    from modelmedic.workflows.operations.explain import explain_alert, explain_policy

    where = read_platform(platform)
    known = alert(subject)
    if known is None and not subject.endswith((".yaml", ".yml")):
        raise click.UsageError(f"{subject!r} is neither an alert nor a policy file; expected one of {', '.join(_alerts())}, or a YAML file")
    told = explain_alert(known, where) if known else explain_policy(load_policy(Path(subject), below, above), where)
    if as_json:
        print_json(told)
    else:
        _show(told)


def _alerts() -> list[str]:
    from modelmedic.workflows.monitoring.alert_rules import ALERTS

    return [each.name for each in ALERTS]


def _show(told: dict[str, Any]) -> None:
    from modelmedic.workflows.output.yaml import dump

    lines = told.pop("decisions", None)
    aside = told.pop("ignoreDifferences", None)
    click.echo(dump(told), nl=False)
    if lines:
        click.echo(f"{'cause':<22}{'harm':<11}{'rule':<24}{'remedy':<12}{'autonomy':<10}then")
        for line in lines:
            click.echo(f"{line['cause']:<22}{line['harm']:<11}{line['rule']:<24}{line['remedy']:<12}{line['autonomy']:<10}{line['then']}")
    if aside:
        click.echo("Argo CD has to leave this alone (docs/install.md):")
        click.echo(dump({"ignoreDifferences": aside}), nl=False)
