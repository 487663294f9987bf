"""Sending, as the commands `run` and `retry` do it: consent, signals, progress, report."""

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import anyio
import msgspec
import typer

from headrace.cli import terminal
from headrace.cli.choices import Access, DataFile, Pace, Talk
from headrace.cli.destination import Destination
from headrace.cli.outset import Outset
from headrace.cli.progress import view, watch
from headrace.cli.report import as_json, results_beside, summary_lines
from headrace.cli.screen import show
from headrace.cli.signals import signals_to
from headrace.cli.text import clean, count
from headrace.client import Client, Report
from headrace.dispatch.halt import Halt
from headrace.errors import InterruptionError
from headrace.progress import Progress

_RESUMABLE: Final = frozenset({5, 6, 7, 130, 143})
"""Exit codes after which the same command goes on."""

Act: TypeAlias = Callable[[Client, Halt, Progress], Awaitable[Report]]
"""What is done with the open client."""


def import_file(file: str, how: DataFile, checkpoint: Path | None, *, access: Access, pace: Pace, talk: Talk) -> int:
    """Import `file` and return the exit code. Raises what reading it, the credentials and the client raise."""
    spec, state, where, client = Outset.of_file(file, how, checkpoint, access, pace)
    _agree(talk, where, f"{count(len(spec.load), 'load')} of {file}")
    _tell(talk, f"importing {file} into {where}; state is kept in {state}")

    async def act(client: Client, halt: Halt, progress: Progress) -> Report:
        return await client.run(spec, checkpoint=state, results=results_beside(state), halt=halt, progress=progress)

    return _finish(anyio.run(_conduct, client, act, talk), talk)


def adopt_file(file: str, how: DataFile, checkpoint: Path | None, *, access: Access, pace: Pace, talk: Talk) -> int:
    """Make the lost checkpoint of an import anew and return the exit code. Raises as `import_file` does."""
    spec, state, where, client = Outset.of_file(file, how, checkpoint, access, pace)
    wait = client.settings.quiet(client.provider)
    _tell(talk, f"waiting {wait.commit + wait.visible:.0f} s for what may be under way, then asking {where}")

    async def act(client: Client, halt: Halt, progress: Progress) -> Report:
        return await client.adopt(spec, checkpoint=state, results=results_beside(state), halt=halt, progress=progress)

    return _finish(anyio.run(_conduct, client, act, talk), talk)


def send_rejects(state: Path, *, access: Access, pace: Pace, talk: Talk) -> int:
    """Send the repaired rows of the reject files and return the exit code. Raises as `import_file` does."""
    _, _, where, client = Outset.of_checkpoint(state, access, pace)
    _agree(talk, where, f"the repaired rejects of {state}")
    _tell(talk, f"sending the repaired rejects of {state} to {where}")

    async def act(client: Client, halt: Halt, progress: Progress) -> Report:
        return await client.retry(checkpoint=state, results=results_beside(state), halt=halt, progress=progress)

    return _finish(anyio.run(_conduct, client, act, talk), talk)


# --- consent ----------------------------------------------------------------------------------------------------


def _agree(talk: Talk, where: Destination, what: str) -> None:
    """Have the user confirm where rows go, where there is one and it matters. Raises `InterruptionError`."""
    if talk.yes or where.is_here or not terminal.is_interactive():
        return
    if not typer.confirm(clean(f"Send {what} to {where}?"), err=True):
        raise InterruptionError("not confirmed; nothing was sent", hint="--yes does not ask")


# --- the run ----------------------------------------------------------------------------------------------------


async def _conduct(client: Client, act: Act, talk: Talk) -> Report:
    """Do `act` with the client while signals are heeded and its progress is shown."""
    halt, progress = Halt(), Progress()
    loop = asyncio.get_running_loop()

    def stop(reason: InterruptionError) -> None:
        halt.stop(reason)
        _tell(talk, f"{reason}: finishing what is under way; Ctrl-C again stops at once")

    def pass_on(reason: InterruptionError) -> None:
        loop.call_soon_threadsafe(stop, reason)

    with signals_to(pass_on), view(quiet=talk.quiet) as on:
        async with client, anyio.create_task_group() as tasks:
            tasks.start_soon(watch, progress, on)
            report = await act(client, halt, progress)
            tasks.cancel_scope.cancel()
    return report


def _finish(report: Report, talk: Talk) -> int:
    """Print what became of it and return the exit code."""
    if talk.json:
        names = {"names": msgspec.to_builtins(report.names)} if report.names else {}
        terminal.emit(as_json(report.summary, report.reason) | names)
    else:
        show(*summary_lines(report.summary, is_over=report.exit_code not in _RESUMABLE))
    for notice in report.notices:
        _tell(talk, f"note: {notice}")
    if isinstance(report.reason, InterruptionError):
        terminal.say(f"{report.reason}; nothing is lost")
    elif report.reason is not None:
        terminal.complain(report.reason.code, report.reason.message, report.reason.hint)
    if report.exit_code in _RESUMABLE:
        terminal.say(f"to go on: {shlex.join(['headrace', *sys.argv[1:]])}")
    return report.exit_code


def _tell(talk: Talk, text: str) -> None:
    if not talk.quiet:
        terminal.say(text)
