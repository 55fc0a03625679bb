"""modelmedic completion: the script that completes commands in a shell."""

import click

from modelmedic.steps.contracts.errors import BadInput


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes modelmedic's commands in SHELL.

    \b
    bash:  eval "$(modelmedic completion bash)"                     in ~/.bashrc
    zsh:   eval "$(modelmedic completion zsh)"                      in ~/.zshrc
    fish:  modelmedic completion fish | source                      in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    from modelmedic.workflows.cli import main

    kind = get_completion_class(shell)
    if kind is None:
        raise BadInput(f"shell is {shell}; expected one that the installed click completes for")
    click.echo(kind(main, {}, "modelmedic", "_MODELMEDIC_COMPLETE").source())
