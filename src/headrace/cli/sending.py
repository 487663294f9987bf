"""Sending, as the commands `run` and `retry` do it: credentials, consent, signals, progress, report."""

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeAlias
from urllib.parse import urlsplit

import anyio
import typer

from headrace.address import is_loopback
from headrace.cli import credentials, terminal
from headrace.cli.choices import Access, DataFile, Pace, Talk
from headrace.cli.options import Threshold
from headrace.cli.progress import view, watch
from headrace.cli.reading import what_to_import
from headrace.cli.report import as_json, results_beside, summary_lines
from headrace.cli.screen import show
from headrace.cli.signals import signals_to
from headrace.cli.text import clean, count
from headrace.client import Client, Report
from headrace.dispatch.halt import Halt
from headrace.errors import InterruptionError, UsageError
from headrace.importfile import stem
from headrace.ledger.view import read
from headrace.naming import provider_named
from headrace.pipeline import Settings
from headrace.progress import Progress
from headrace.provider import Provider

_RESUMABLE: Final = frozenset({5, 6, 7, 130, 143})
"""Exit codes after which the same command goes on."""

Act: TypeAlias = Callable[[Client, Halt, Progress], Awaitable[Report]]
"""What is done with the open client."""


def import_file(file: str, how: DataFile, checkpoint: Path | None, *, access: Access, pace: Pace, talk: Talk) -> int:
    """Import `file` and return the exit code. Raises what reading it, the credentials and the client raise."""
    spec, provider = what_to_import(file, how)
    if file == "-" and access.token_stdin:
        raise UsageError("standard input cannot hold both the rows and the token", hint="give --token-file")
    state = checkpoint or Path(f"{stem(file)}.headrace")
    where = Destination.of(provider, access.base_url, spec.base_url)
    client = _client(where, access, pace)
    _agree(talk, where, f"{count(len(spec.load), 'load')} of {file}")
    _tell(talk, f"importing {file} into {where}; state is kept in {state}")

    async def act(client: Client, halt: Halt, progress: Progress) -> Report:
        return await client.run(spec, checkpoint=state, results=results_beside(state), halt=halt, progress=progress)

    return _finish(anyio.run(_conduct, client, act, talk), talk)


def send_rejects(state: Path, *, access: Access, pace: Pace, talk: Talk) -> int:
    """Send the repaired rows of the reject files and return the exit code. Raises as `import_file` does."""
    with read(state) as view:
        identity = view.identity
    where = Destination.of(provider_named(identity.provider), access.base_url, identity.base_url)
    client = _client(where, access, pace)
    _agree(talk, where, f"the repaired rejects of {state}")
    _tell(talk, f"sending the repaired rejects of {state} to {where}")

    async def act(client: Client, halt: Halt, progress: Progress) -> Report:
        return await client.retry(checkpoint=state, results=results_beside(state), halt=halt, progress=progress)

    return _finish(anyio.run(_conduct, client, act, talk), talk)


# --- where to, and as whom --------------------------------------------------------------------------------------


class Destination(NamedTuple):
    """Where the rows go: the provider, its address, and the organization."""

    provider: Provider
    base_url: str
    organization: str | None

    @classmethod
    def of(cls, provider: Provider, *base_urls: str | None) -> Self:
        """Return the destination: the first base URL given, else the provider's own. Raises `CredentialsError`."""
        given = (base_url for base_url in (*base_urls, provider.base_url) if base_url is not None)
        return cls(provider, next(given), credentials.organization(provider))

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine: a sandbox, not somebody's data."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def __str__(self) -> str:
        organization = f", organization {self.organization}" if self.organization else ""
        return f"{self.provider.name}{organization} ({self.base_url})"


def _client(where: Destination, access: Access, pace: Pace) -> Client:
    return Client(
        where.provider.name,
        token=credentials.token(where.provider, access.token_file, from_stdin=access.token_stdin),
        organization=where.organization,
        base_url=where.base_url,
        settings=_settings(pace, access),
    )


def _settings(pace: Pace, access: Access) -> Settings:
    """Return the engine's settings; what the user left open stays the engine's own default."""
    threshold = pace.max_errors or Threshold()
    chosen: dict[str, Any] = {
        "limit": pace.limit,
        "batch_size": pace.batch_size,
        "concurrency": pace.concurrency,
        "share": pace.share,
        "deadline": pace.deadline,
        "max_errors": threshold.rows,
        "max_error_part": threshold.part,
        "settle_after": pace.settle_after,
    }
    return Settings(
        bulk=not pace.no_bulk,
        limits=not pace.no_limits,
        accept_mapping_change=pace.accept_mapping_change,
        allow_host=access.allow_host,
        **{name: value for name, value in chosen.items() if value is not None},
    )


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
        terminal.emit(as_json(report.summary, report.reason))
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
