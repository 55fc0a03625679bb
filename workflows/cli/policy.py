"""modelmedic schema: what a policy may say, for editors and reviewers."""

import click


@click.command(short_help="Print the JSON Schema of a healing policy.")
def schema() -> None:
    """Print the JSON Schema of a healing policy, for an editor that checks YAML as it is typed."""
    from steps.contracts.policy import Policy
    from workflows.cli.console import print_json

    print_json(Policy.model_json_schema(by_alias=True))
