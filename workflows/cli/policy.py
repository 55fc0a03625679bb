"""modelmedic validate and schema: what a policy says, and what it may say."""

from pathlib import Path

import click


@click.command(short_help="Say whether policies are right, with every fault at once.")
@click.argument("policies", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def validate(policies: tuple[Path, ...], as_json: bool) -> None:
    """Say whether POLICIES are right: every fault of every file, each with its line and what was allowed. Exit code 78 if not."""
    from steps.adapters.policy_file import load_policies
    from workflows.cli.console import out, print_json

    loaded = load_policies(policies)
    if as_json:
        print_json({"policies": [{"name": policy.name, "hash": policy.hash} for policy in loaded]})
        return
    for path, policy in zip(policies, loaded, strict=True):
        out().print(f"{path}: {policy.name} is a good policy (sha256 {policy.hash[:12]})", markup=False)


@click.command(short_help="Print the JSON Schema of a healing policy.")
def schema() -> None:
    """Print the JSON Schema of a healing policy, for an editor that checks YAML as it is typed."""
    from steps.contracts.policy_schema import policy_schema
    from workflows.cli.console import print_json

    print_json(policy_schema())
