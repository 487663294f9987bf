"""Exporting on the command line: the query as it was typed, the file or standard output, and the report."""

import asyncio
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
from msgspec.structs import replace

from headrace.cli import terminal
from headrace.cli.choices import Access, Pace, Talk
from headrace.cli.destination import Destination, client_of
from headrace.cli.export import Wish
from headrace.cli.failure import described
from headrace.cli.screen import plain, show
from headrace.cli.signals import signals_to
from headrace.cli.text import clock, count
from headrace.client import Client
from headrace.dispatch.halt import Halt
from headrace.errors import InterruptionError, UsageError
from headrace.exporting import Exported, Query
from headrace.importfile import check_import, read_import
from headrace.ledger.extract import JsonLines, State
from headrace.naming import provider_named, readable_named
from headrace.provider import Provider

STDOUT: Final = "-"


def extract(wish: Wish, *, access: Access, pace: Pace, talk: Talk) -> int:
    """Export and return the exit code. Raises what reading the wish, the credentials and the client raise."""
    provider, told = _provider_of(wish)
    readable_named(provider, wish.what.resource)
    if wish.output == STDOUT and talk.json:
        raise UsageError("standard output cannot hold both the records and the report", hint="give -o FILE")
    query = query_of(wish)
    where = Destination.of(provider, access, told)
    client = client_of(where, access, pace)
    if not talk.quiet:
        terminal.say(f"reading {wish.what.resource} of {where}")
    done = anyio.run(_conduct, client, query, wish.output)
    return _tell(done, talk)


def _provider_of(wish: Wish) -> tuple[Provider, str | None]:
    """Return the provider as the user's settings have it, and the base URL that they tell."""
    provider = provider_named(wish.what.provider)
    if wish.settings is None:
        return provider, None
    spec = read_import(wish.settings)
    if spec.provider != provider.name:
        raise UsageError(f"{wish.settings} is about {spec.provider}", hint=f"name an import file for {provider.name}")
    check_import(spec, provider, wish.settings)
    return spec.fitted(provider), spec.base_url


# --- what was typed -------------------------------------------------------------------------------------------------


def query_of(wish: Wish) -> Query:
    """Return the query that options stand for. Raises `UsageError` for a filter that is none."""
    return Query(
        resource=wish.what.resource,
        filters=_both(_filters(wish.filters or ()), _groups(wish.filter_json)),
        include=_names(wish.include),
        fields=_names(wish.fields),
        sort=wish.sort,
        group=wish.group,
        limit=wish.limit,
        is_safe=wish.spreadsheet,
    )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in (text or "").split(","))))


def _filters(texts: Sequence[str]) -> dict[str, Any]:
    """Return `NAME=VALUE` and `NAME.OP=VALUE`; several values of one are alternatives."""
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        place, _, operation = name.strip().partition(".")
        if not sign or not place:
            raise UsageError(
                f"{text!r} is no filter", hint="NAME=VALUE or NAME.OP=VALUE, for example date.gt_eq=2026-01-01"
            )
        if operation:
            held = found.setdefault(place, {})
            if not isinstance(held, dict):
                raise _mixed(place)
            held[operation] = value if operation not in held else [*_listed(held[operation]), value]
        elif isinstance(found.get(place), dict):
            raise _mixed(place)
        else:
            found[place] = value if place not in found else [*_listed(found[place]), value]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _mixed(name: str) -> UsageError:
    return UsageError(f"the filters on {name} are with an operation and without", hint=f"say {name}.eq=VALUE")


def _both(plain: Mapping[str, Any], groups: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the filters that let pass what both do."""
    return {"$op": "and", "0": plain, "1": groups} if plain and groups else {**plain, **groups}


def _groups(text: str | None) -> Mapping[str, Any]:
    try:
        return {} if text is None else msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UsageError(
            f"--filter-json is no JSON object: {error}", hint='{"$op": "or", "0": {"name": {"eq": "x"}}}'
        ) from None


# --- the run --------------------------------------------------------------------------------------------------------


class Printed:
    """Standard output as the target of an export: JSON Lines, of which nothing can be taken up again."""

    has_columns = False

    def __init__(self) -> None:
        self.state = State(query="")
        self._form = JsonLines()

    def begin(self, columns: Sequence[str]) -> None:
        """See `exporting.Target`."""
        self.state = replace(self.state, columns=tuple(columns))

    def append(self, records: Sequence[Mapping[str, Any]], bookmark: Any) -> None:
        """See `exporting.Target`."""
        terminal.emit_bytes(self._form.lines(records, ()))
        self.state = replace(self.state, rows=self.state.rows + len(records), is_whole=bookmark is None)

    def finish(self) -> None:
        """See `exporting.Target`."""

    def close(self) -> None:
        """See `exporting.Target`."""


async def _conduct(client: Client, query: Query, output: str) -> Exported:
    halt, loop = Halt(), asyncio.get_running_loop()

    def pass_on(reason: InterruptionError) -> None:
        loop.call_soon_threadsafe(halt.stop, reason)

    with signals_to(pass_on):
        async with client:
            if output == STDOUT:
                return await client.export(query, output, halt=halt, target=Printed())
            return await client.export(query, Path(output), halt=halt)


def _tell(done: Exported, talk: Talk) -> int:
    """Print what became of it and return the exit code."""
    facts = {name: getattr(done, name) for name in ("resource", "rows", "requests", "throttled", "seconds", "file")}
    if talk.json:
        failed = {"error": described(done.reason)} if done.reason is not None else {}
        terminal.emit(facts | failed)
    elif done.file != STDOUT:
        show(plain(_sentence(done)))
    elif not talk.quiet:
        terminal.say(_sentence(done))
    for notice in () if talk.quiet else done.notices:
        terminal.say(f"note: {notice}")
    if done.reason is not None:
        for line in _ending(done):
            terminal.say(line)
    return done.exit_code


def _sentence(done: Exported) -> str:
    spent = f"{count(done.requests, 'request')} in {clock(done.seconds)}"
    where = "" if done.file == STDOUT else f" in {done.file if done.reason is None else done.file + '.part'}"
    return f"{count(done.rows, 'record')} of {done.resource}{where}: {spent}"


def _ending(done: Exported) -> Iterator[str]:
    yield f"stopped: {done.reason}"
    if done.file != STDOUT:
        yield f"to go on: {shlex.join(['headrace', *sys.argv[1:]])}"
