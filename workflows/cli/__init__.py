"""The `modelmedic` command: a subcommand's module is imported when it is used, so that help stays
quick.
"""

from typing import Final

import click

from modelmedic.workflows.cli.group import Cli, Entry

# A command is one line here and one module in workflows.cli that has the command under its own
# name.
SECTIONS: Final[dict[str, dict[str, Entry]]] = {
    "Two files": {
        "detect": ("detect", "Find the differences between two files."),
        "diagnose": ("diagnose", "Find the cause of a difference between two files, and its remedy."),
    },
    "Policies": {
        "init": ("init", "Scaffold a policy from a data file."),
        "validate": ("policy", "Check policies and name every fault in them."),
        "defaults": ("policy", "Show every value of a policy, with its source."),
        "schema": ("policy", "Print the JSON Schema of a healing policy."),
        "backtest": ("backtest", "Replay a policy over past data, beside simpler habits."),
        "gameday": ("gameday", "Plant faults in a shadow of a model's stream, and judge what the loop does."),
        "rules": ("rules", "Review the rules of a policy by what came of them."),
        "replay": ("replay", "Decide past incidents again by a changed policy."),
    },
    "The loop": {
        "bootstrap": ("bootstrap", "Train, register and serve the first champion."),
        "adopt": ("adopt", "Take over a champion that is there already, without training."),
        "log": ("log", "Write requests and labels of your own into the inference log."),
        "monitor": ("monitor", "Compare the current window with the reference; open an incident on an alarm."),
        "heal": ("heal", "Heal one incident, from diagnosis to its close."),
        "reconcile": ("reconcile", "Repair what a crash left half done, and assess past heals."),
        "stop": ("serving", "Stop what serves a model on this machine."),
        "serve": ("serving", "Start again what served a model on this machine."),
        "step": ("step", "Run one stage of a heal by itself."),
        "demo": ("demo", "Play a year of a model's life, faults included."),
    },
    "People": {
        "incidents": ("incidents", "List incidents, or tell the story of one."),
        "ageing": ("ageing", "Show what a model's age has cost, and what its trainings won."),
        "approve": ("answer", "Approve a heal that waits for an answer."),
        "reject": ("answer", "Reject a heal that waits for an answer."),
        "notify": ("notify", "Try whether messages reach people."),
        "event": ("event", "Note a change beside a model, or list those noted."),
        "quarantine": ("quarantine", "List rows that are set aside, or release them."),
        "undo": ("undo", "Undo a heal: the version before it serves again."),
        "freeze": ("freeze", "Freeze models for a while, or list what is frozen."),
        "autonomy": ("autonomy", "Show what autonomy harm has left, and give it back."),
        "audit": ("audit", "Show or verify the record of every decision."),
        "migrate": ("migrate", "Say in which formats the records lie, and bring the store to this version."),
    },
    "The cluster": {
        "render": ("render", "Render policies to manifests for Argo, KServe and Prometheus."),
        "diff": ("diff", "Show the changes that a render would make on disk or in the cluster."),
        "lint": ("lint", "Check a rendered tree before it is merged."),
        "explain": ("explain", "Explain what an alert or a policy leads to."),
        "submit": ("submit", "Start a monitor, a heal or a bootstrap in the cluster, and follow it."),
        "doctor": ("doctor", "Find what a cluster or this machine lacks for the loop."),
    },
    "Shell": {
        "completion": ("completion", "Print the completion script of a shell."),
    },
}

_EPILOG = """\b
Exit codes:
  0   done; a rejected challenger is a result as well
  1   a bug, with its traceback
  2   usage
  65  bad input
  75  not now: the same may go through later
  77  refused by a safety rule
  78  bad policy
  130 interrupted
"""


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"modelmedic {version('modelmedic')}")
    except PackageNotFoundError:
        click.echo("modelmedic, run from its source without being installed")
    ctx.exit()


@click.group(
    cls=Cli,
    sections=SECTIONS,
    package="modelmedic.workflows.cli",
    name="modelmedic",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version.")
def main() -> None:
    """Self-healing for models: what drifted, why, and the right remedy or none.

    Results go to stdout, talk to stderr. Colours are for terminals, and off with NO_COLOR.
    """
