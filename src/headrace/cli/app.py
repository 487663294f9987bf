"""The application: the commands, and the one place where an exception becomes an exit code."""

import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from headrace.cli import (
    adopt,
    check,
    demo,
    doctor,
    export,
    failure,
    plan,
    providers,
    repair,
    resolve,
    retry,
    run,
    sandbox,
    status,
    verify,
)
from headrace.cli.groups import ungrouped

_CLOSING: Final = """
Start with `headrace demo`: no account needed. Then `headrace providers` to see what can be written, `headrace check`
to see what is wrong with a file, `headrace plan` how long it takes, and `headrace run` to import it.
"""

# No completion and a help option of our own: typer imports pydantic to read theirs, which doubles the time of
# `headrace run --help`.
app = typer.Typer(
    name="headrace",
    help="Import CSV and JSON rows in bulk into rate-limited project-management APIs.",
    epilog=_CLOSING,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    add_completion=False,
    add_help_option=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only this option needs it, and --help is to be quick

        typer.echo(f"headrace {version('headrace')}")
        raise typer.Exit


def _print_help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        typer.echo(context.get_help())
        raise typer.Exit


_Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
]
_Help = Annotated[bool, typer.Option("--help", callback=_print_help, is_eager=True, help="Show this message and exit.")]


@app.callback()
def _main(context: typer.Context, version: _Version = False, show_help: _Help = False) -> None:  # noqa: ARG001 - both end earlier
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


_COMMANDS: Final = (
    (demo.demo, demo.EXAMPLES),
    (doctor.doctor, doctor.EXAMPLES),
    (check.check, check.EXAMPLES),
    (plan.plan, plan.EXAMPLES),
    (run.run, run.EXAMPLES),
    (status.status, status.EXAMPLES),
    (retry.retry, retry.EXAMPLES),
    (resolve.resolve, resolve.EXAMPLES),
    (repair.repair, repair.EXAMPLES),
    (adopt.adopt, adopt.EXAMPLES),
    (verify.verify, verify.EXAMPLES),
    (export.export, export.EXAMPLES),
    (providers.providers, providers.EXAMPLES),
    (sandbox.sandbox, sandbox.EXAMPLES),
)

for command, examples in _COMMANDS:
    app.command(epilog=examples)(ungrouped(command))


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Every exception becomes a message and a code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(args=list(arguments), prog_name="headrace", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the border, where nothing may pass as it is
        return failure.show(failure.failure(error), as_json=_wants_json(arguments))
    return code if isinstance(code, int) else 0


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are for machines: asked of the raw arguments, for they may be what is wrong."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options
