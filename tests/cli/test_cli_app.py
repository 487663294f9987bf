"""The application: help, versions, exit codes, and errors for people and machines."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_program import Ended

from headrace.cli import failure
from headrace.cli.app import app, main
from headrace.errors import CredentialsError, InterruptionError, InvariantError, LockedError, UsageError

Program = Callable[..., Ended]
COMMANDS = (
    "demo",
    "doctor",
    "check",
    "plan",
    "run",
    "status",
    "retry",
    "resolve",
    "repair",
    "adopt",
    "verify",
    "export",
    "providers",
    "sandbox",
)
README = Path(__file__).parents[2] / "README.md"


def test_every_command_is_there() -> None:
    """The commands are those that are documented, and no others."""
    assert [command.callback.__name__ for command in app.registered_commands if command.callback] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_a_next_step(headrace: Program, command: str) -> None:
    """Each command's help shows examples of itself and what to do next, on stdout, exit 0."""
    ended = headrace(command, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert "Examples:" in ended.out
    assert f"headrace {command}" in ended.out.partition("Examples:")[2]
    assert "Next:" in ended.out


@pytest.mark.parametrize("arguments", [("--help",), ()])
def test_the_programs_help_lists_the_commands(headrace: Program, arguments: tuple[str, ...]) -> None:
    """Without arguments the program shows its help."""
    ended = headrace(*arguments)
    assert ended.code == 0
    assert all(f"  {command} " in ended.out for command in COMMANDS)


def test_the_version_is_the_packages(headrace: Program) -> None:
    """`--version` prints what is installed."""
    ended = headrace("--version")
    assert ended.code == 0
    assert ended.out.startswith("headrace ")


@pytest.mark.real
@pytest.mark.parametrize("command", [(), ("run",), ("check",), ("demo",)])
def test_help_imports_nothing_heavy(command: tuple[str, ...]) -> None:
    """Help is quick because nothing that it does not need is imported."""
    heavy = ["aiohttp", "anyio", "asyncio", "msgspec", "orjson", "rich", "pydantic", "sqlite3"]
    code = (
        "import sys; from headrace.__main__ import main; sys.argv[1:] = sys.argv[1:]; main(); "
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True, check=True)
    assert told.stderr == "[]\n"
    assert "Usage: headrace" in told.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("rum",),
        ("run",),
        ("run", "x.csv", "--shar", "3"),
        ("run", "x.csv", "--share", "0"),
        ("run", "x.csv", "--limit", "0"),
        ("run", "x.csv", "--concurrency", "many"),
        ("run", "x.csv", "y.csv"),
        ("run", "x.csv"),
        ("run", "x.csv", "--to", "productiv:tasks"),
        ("run", "x.csv", "--to", "productive:task"),
        ("run", "x.csv", "--to", "productive:workflows"),
        ("run", "missing.toml"),
        ("check", "missing.toml"),
        ("status", "missing.headrace"),
        ("retry", "resolve", "missing.headrace"),
        ("providers", "nobody"),
        ("providers", "productive:nothing"),
        ("sandbox", "nobody"),
        ("sandbox", "productive", "--window", "open"),
        ("sandbox", "productive", "--faults", "missing.toml"),
        ("sandbox", "productive", "--latency", "9-3"),
    ],
)
def test_what_is_wrong_with_a_command_is_exit_2(headrace: Program, arguments: tuple[str, ...]) -> None:
    """A wrong command, option or file: one message with a remedy on stderr, exit 2, nothing on stdout."""
    ended = headrace(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error[")
    assert "\n  help: " in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("rum",), "run"),
        (("run", "x", "--concurency", "3"), "--concurrency"),
        (("run", "x.csv", "--to", "productiv:tasks"), "productive"),
        (("run", "x.csv", "--to", "productive:time_entires"), "time_entries"),
        (("providers", "productive:time_entires"), "time_entries"),
        (("sandbox", "produktive"), "productive"),
    ],
)
def test_names_are_suggested(headrace: Program, arguments: tuple[str, ...], meant: str) -> None:
    """A name that is nearly right brings the one that was meant."""
    assert meant in headrace(*arguments).err


@pytest.mark.parametrize("arguments", [("run", "x.csv", "--json", "--bad"), ("status", "--json", "missing.headrace")])
def test_errors_are_json_on_request(headrace: Program, arguments: tuple[str, ...]) -> None:
    """With --json an error is one object on stdout, also where the arguments themselves are wrong."""
    ended = headrace(*arguments)
    assert ended.code == 2
    assert ended.error["code"] == "usage"
    assert ended.error["message"]


@pytest.mark.parametrize("form", [("--token", "canary-5f1e"), ("--token=canary-5f1e",)])
@pytest.mark.parametrize("command", [("run", "x.csv"), ("retry", "resolve", "x.headrace")])
def test_a_token_as_an_argument_is_refused_and_not_repeated(
    headrace: Program, command: tuple[str, ...], form: tuple[str, ...]
) -> None:
    """`--token VALUE` is exit 2, says why, and does not show the value."""
    ended = headrace(*command, *form)
    assert ended.code == 2
    assert "canary" not in ended.out + ended.err
    assert "HEADRACE_<PROVIDER>_TOKEN" in ended.err


def test_credentials_are_missing(headrace: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token, or without an organization, the exit code is 6 and the remedy is named."""
    (tmp_path / "hours.csv").write_text("date\n2026-01-01\n")
    ended = headrace("run", "hours.csv", "--to", "productive:time_entries", "--json")
    assert (ended.code, ended.error["code"]) == (6, "credentials")
    assert "HEADRACE_PRODUCTIVE_ORGANIZATION" in ended.error["hint"]
    monkeypatch.setenv("HEADRACE_PRODUCTIVE_ORGANIZATION", "948")
    ended = headrace("run", "hours.csv", "--to", "productive:time_entries", "--json")
    assert (ended.code, ended.error["code"]) == (6, "credentials")
    assert "HEADRACE_PRODUCTIVE_TOKEN" in ended.error["hint"]


def test_a_bug_is_exit_1_with_its_traceback(headrace: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is not ours is our bug: exit 1, a traceback on stderr, and the request to report it."""

    def broken(*_: object, **__: object) -> int:
        raise RuntimeError("boom \x1b[2J")

    monkeypatch.setattr("headrace.cli.catalogue.show", broken)
    ended = headrace("providers", "--json")
    assert (ended.code, ended.error["code"]) == (1, "bug")
    assert "Traceback" in ended.err
    assert "\x1b" not in ended.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (ExceptionGroup("tasks", [ExceptionGroup("tasks", [CredentialsError("no")])]), 6),
        (LockedError("busy"), 8),
        (UsageError("what"), 2),
    ],
)
def test_exceptions_have_their_exit_codes(error: BaseException, code: int) -> None:
    """What is ours keeps its code, also from within task groups."""
    assert failure.failure(error).exit_code == code


def test_a_group_of_several_is_a_bug() -> None:
    """Several exceptions at once were not foreseen."""
    group = ExceptionGroup("tasks", [CredentialsError("no"), ValueError("x")])
    assert isinstance(failure.failure(group), InvariantError)


def test_a_ctrl_c_before_the_run_is_exit_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Ctrl-C anywhere else than in a run is exit 130 without a traceback."""

    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("headrace.cli.catalogue.show", interrupted)
    assert main(["providers"]) == InterruptionError.exit_code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_mentions_every_command(command: str) -> None:
    """A command that the README does not mention does not exist for its readers."""
    assert f"headrace {command}" in README.read_text("utf-8")
