"""The shape that all commands share: help, names, errors, exit codes, completion and a quick
start.
"""

import os
import signal
import subprocess
import sys

import click
import pytest

from modelmedic.workflows.cli import SECTIONS, main
from modelmedic.workflows.cli.group import Cli
from tests.cli.program import run

ENTRIES = [(name, *entry) for section in SECTIONS.values() for name, entry in section.items()]
ENDINGS = Cli(name="modelmedic", package="tests.cli.commands", sections={"Ends": {"end": ("endings", "End in some way.")}})


def spawn(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modelmedic.workflows.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment})


@pytest.mark.parametrize(("name", "module", "text"), ENTRIES)
def test_a_command_of_the_table_is_there_and_says_the_same_of_itself(name: str, module: str, text: str) -> None:
    with click.Context(main) as context:
        command = main.get_command(context, name)
    assert command is not None, module
    assert (command.name, command.get_short_help_str(200)) == (name, text)
    assert command.help


def test_help_lists_every_command_in_its_section_and_the_exit_codes() -> None:
    said = run("--help").stdout
    for title, entries in SECTIONS.items():
        assert (f"{title}:" in said) == bool(entries)
    assert all(f"\n  {name} " in said for name, _, _ in ENTRIES)
    assert all(f"\n    {code} " in said for code in ("0", "1", "2", "65", "75", "77", "78", "130"))


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["detect", "--help"], ["validate", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"import sys, atexit; atexit.register(lambda: print(*sys.modules)); from modelmedic.workflows import cli; cli.main({arguments})"
    loaded = set(subprocess.run([sys.executable, "-c", code], timeout=60, check=True, capture_output=True, text=True).stdout.split())
    assert "modelmedic.workflows.cli.group" in loaded
    assert not loaded & {"numpy", "pyarrow", "pydantic", "pandas", "rich", "yaml", "boto3", "mlflow", "hera"}


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    ended = run("vlidate")
    assert ended.exit_code == 2
    assert "'vlidate' is no command; did you mean validate?" in ended.stderr


def test_a_name_that_is_near_to_nothing_is_answered_with_all() -> None:
    ended = run("xyzzy")
    assert ended.exit_code == 2
    assert f"expected one of {', '.join(name for name, _, _ in ENTRIES)}" in ended.stderr


def test_without_a_command_the_help_is_shown() -> None:
    assert "Two files:" in run().output


def test_the_version_is_told() -> None:
    assert run("--version").stdout.startswith("modelmedic ")


@pytest.mark.parametrize(
    ("way", "code", "said"),
    [
        ("input", 65, "modelmedic: column \\x1b[31mred\\x07 is not there\n"),
        ("race", 75, "modelmedic: somebody else was first\n"),
        ("refused", 77, "modelmedic: the model is frozen\n"),
        ("interrupted", 130, "modelmedic: interrupted\n"),
        ("light", 65, "modelmedic: this needs mlflow.tracking, which is not installed; expected `pip install 'modelmedic[registry]'`\n"),
    ],
)
def test_an_error_of_ours_is_one_line_on_stderr_with_its_exit_code(way: str, code: int, said: str) -> None:
    ended = run("end", way, program=ENDINGS)
    assert (ended.exit_code, ended.stderr, ended.stdout) == (code, said, "the result\n")


@pytest.mark.parametrize(("way", "kind"), [("bug", ZeroDivisionError), ("stranger", ModuleNotFoundError)])
def test_a_bug_keeps_its_traceback(way: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        run("end", way, program=ENDINGS)


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "modelmedic.workflows.cli", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, said = process.communicate(timeout=60)
    assert process.returncode in (128 + signal.SIGPIPE, 1)  # 1 is click's own, when the pipe broke while it was writing
    assert said == b""


def test_the_shell_completes_commands_with_their_help() -> None:
    ended = spawn(_MODELMEDIC_COMPLETE="zsh_complete", COMP_WORDS="modelmedic d", COMP_CWORD="1")
    assert ended.stdout.splitlines()[:3] == ["plain", "detect", "Find the differences between two files."]


def test_the_shell_completes_options_of_a_command() -> None:
    ended = spawn(_MODELMEDIC_COMPLETE="bash_complete", COMP_WORDS="modelmedic validate --def", COMP_CWORD="2")
    assert ended.stdout == "plain,--defaults\n"


def test_the_shell_completes_words_of_an_option() -> None:
    ended = spawn(_MODELMEDIC_COMPLETE="bash_complete", COMP_WORDS="modelmedic diagnose a b --task re", COMP_CWORD="5")
    assert ended.stdout == "plain,regression\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_calls_this_program(shell: str) -> None:
    ended = run("completion", shell)
    assert ended.exit_code == 0
    assert f"_MODELMEDIC_COMPLETE={shell}_complete" in ended.stdout


def test_bash_takes_the_completion_script() -> None:
    script = run("completion", "bash").stdout
    checked = subprocess.run(["bash", "-c", f"{script}\ncomplete -p modelmedic"], capture_output=True, text=True, timeout=30, check=False)
    assert "-F _modelmedic_completion modelmedic" in checked.stdout
    assert checked.stderr == ""
