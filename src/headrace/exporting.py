"""Exporting: a listing read to its end into a file, page after page, inside the budget; interrupted, it goes on.

What is written is what an import takes: fields under the names that the resource has for them, references as ids.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from headrace.connection import Connection
from headrace.dispatch.asking import Asking, check_listing
from headrace.dispatch.halt import Halt
from headrace.errors import HeadraceError, StoppedError, UsageError
from headrace.identity import digest
from headrace.ledger.extract import Extract, State
from headrace.meter import Meter
from headrace.model import NO_MAPPING, Lane, Request
from headrace.naming import readable_named
from headrace.provider import Page, Resource, references
from headrace.shaping import Shape

AT_ONCE: Final = 5
"""Pages that are asked for together, where they are counted. As many at most are asked for again after a stop."""


class Query(Struct, frozen=True, kw_only=True):
    """What to read: `resource` is one, or a report, which takes a `group`. `filters` are those of `Client.read`.

    `include` names related records: their ids come anyway where the resource has a field for them, and their own
    fields are written as `<name>.<field>`. `fields` are the only ones to be read and written, none for all. `limit` is
    the number of records, None for all. With `is_safe` no cell of a CSV file is a formula to a spreadsheet.
    """

    resource: str
    filters: Mapping[str, Any] = NO_MAPPING
    include: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    sort: str | None = None
    group: str | None = None
    limit: int | None = None
    is_safe: bool = False


class Exported(Struct, frozen=True, kw_only=True):
    """How an export ended: `rows` are all in the file, of which earlier runs may have written some.

    `requests`, `throttled` (429s) and `seconds` are this run's. `reason` is why it ended early, None when it did not.
    """

    resource: str
    rows: int
    requests: int
    throttled: int
    seconds: float
    file: str
    notices: tuple[str, ...] = ()
    reason: HeadraceError | None = None

    @property
    def exit_code(self) -> int:
        """The command's exit code (DESIGN.md, section 10)."""
        return 0 if self.reason is None else self.reason.exit_code


class Target(Protocol):
    """Where pages go: an `Extract`, or standard output."""

    state: State

    @property
    def has_columns(self) -> bool:
        """Whether fields that are no column are left out."""

    def begin(self, columns: Sequence[str]) -> None:
        """Take the names of the columns."""

    def append(self, records: Sequence[Mapping[str, Any]], bookmark: Any) -> None:
        """Take a page of records, and where to go on after it."""

    def finish(self) -> None:
        """All is there."""

    def close(self) -> None:
        """Nothing more will come."""


async def export(
    query: Query,
    connection: Connection,
    path: Path | str,
    *,
    halt: Halt | None = None,
    target: Target | None = None,
    deadline: float | None = None,
) -> Exported:
    """Read what `query` asks for into the file at `path`, in the form that its name says; see `Extract`.

    `target` takes the file's place. Raises `HeadraceError` where nothing was begun; what ends it early afterwards is
    the `reason`.
    """
    halt = Halt() if halt is None else halt
    meter = Meter(connection.budget, connection.outside.clock)
    resource = readable_named(connection.provider, query.resource)
    _check(query, resource, connection)
    opened = target or Extract.open(Path(path), query_digest(query, connection), is_safe=query.is_safe)
    with closing(opened), halt.deadline(deadline):
        walk = _Walk(query, resource, connection, opened)
        try:
            await walk.run(halt)
        except HeadraceError as error:
            if not opened.state.columns:
                raise
            halt.stop(error)
        except OSError as error:
            halt.stop(StoppedError(f"{path} could not be written: {error.strerror}", hint="free space, and go on"))
    return Exported(
        resource=query.resource,
        rows=opened.state.rows,
        seconds=round(meter.seconds, 3),
        file=str(path),
        notices=(*connection.notices, *walk.notices),
        reason=None if opened.state.is_whole else halt.reason,
        **meter.spent(),
    )


def query_digest(query: Query, connection: Connection) -> str:
    """Return what tells one export from another: the query, where it goes, and what fields are called there."""
    where = f"{connection.base_url}#{connection.organization}"
    named = dict(readable_named(connection.provider, query.resource).names)
    parts = (msgspec.json.encode(one, order="deterministic", enc_hook=str) for one in (query, where, named))
    return digest(*parts).hex()


def _check(query: Query, resource: Resource, connection: Connection) -> None:
    is_report = connection.provider.resource(resource.name) is None
    if is_report and not query.group:
        raise UsageError(f"{resource.name} need a group", hint="--group person, project, service, date ...")
    if query.group and not is_report:
        raise UsageError(f"{resource.name} are no report, and take no group", hint="leave --group out")
    related = [name.removesuffix("_id") for name in query.include]
    check_listing(connection.provider, resource, filters=query.filters, include=related, sort=query.sort)


class _Walk:
    """One walk through the pages. Mutable state: how it is asked for, and what the user should know at the end."""

    def __init__(self, query: Query, resource: Resource, connection: Connection, target: Target) -> None:
        self._query = query
        self._resource = resource
        self._provider = connection.provider
        self._transport = connection.transport
        self._target = target
        self._is_taken_up = target.state.bookmark is not None
        self._shape = Shape(resource, self._provider.wire, fields=query.fields, include=query.include)
        is_report = connection.provider.resource(resource.name) is None
        asked = {*query.include, *(f"{name}_id" for name in query.include)}
        links = [name for name in references(resource.struct) if name not in asked]
        self._asking = Asking(
            [name for name in links if not query.fields or name in query.fields],
            by_cursor=query.sort is None and not is_report,
        )
        self._total: int | None = None
        self._left_out: set[str] = set()
        self._has_moved = False

    async def run(self, halt: Halt) -> None:
        """Read to the end, or until the halt; what was read before stays."""
        target = self._target
        if not target.state.is_whole:
            with halt.scope():
                async for records, bookmark in self._pages():
                    if not target.state.columns and (records or bookmark is None):
                        self._shape.check()
                        target.begin(self._shape.columns(records))
                    self._look(records)
                    target.append(records, bookmark)
                    if target.state.is_whole or halt:
                        break
        if target.state.is_whole:
            target.finish()

    @property
    def notices(self) -> Iterator[str]:
        """What the user should know."""
        unseen = () if self._is_taken_up else self._shape.unseen()
        if untold := [*dict.fromkeys((*self._asking.untold, *unseen))]:
            yield f"{self._provider.name} does not tell {', '.join(untold)} of {self._resource.name}"
        if self._left_out:
            names = ", ".join(sorted(self._left_out))
            yield f"fields that came up after the header was written are left out: {names}; a .jsonl file has them all"
        if self._has_moved:
            yield "records were made or removed while pages were counted: some may be twice in the file, or missing"

    async def _pages(self) -> AsyncIterator[tuple[list[dict[str, Any]], Any]]:
        """Yield the records of each page, and the bookmark of the next, None after the last."""
        wire = self._provider.wire
        is_begun = self._target.state.bookmark is not None
        at_once = AT_ONCE if self._query.limit is None else 1
        answers = self._asking.answers(self._transport, self._provider, self._first, is_begun=is_begun, at_once=at_once)
        async for page, body in answers:
            self._count(page)
            records = self._shape.shaped(page.items[: self._room()], body)
            is_last = page.following is None or len(records) == self._room()
            yield records, None if is_last or page.following is None else wire.bookmark(page.following)

    def _first(self) -> Request:
        query, wire, held = self._query, self._provider.wire, self._target.state.bookmark
        if held is not None:
            return replace(wire.reopened(self._provider, self._resource, held), lane=Lane.ROWS)
        first = wire.listing(
            self._provider,
            self._resource,
            filters=query.filters,
            include=[*dict.fromkeys((*self._asking.links, *self._shape.include))],
            fields=self._shape.wanted,
            sort=query.sort,
            group=query.group,
            by_cursor=self._asking.by_cursor,
        )
        return replace(first, lane=Lane.ROWS)

    def _room(self) -> int | None:
        """Return how many records are still wanted, None for any number."""
        return None if self._query.limit is None else max(0, self._query.limit - self._target.state.rows)

    def _count(self, page: Page) -> None:
        if page.total is not None:
            self._has_moved = self._has_moved or self._total not in {None, page.total}
            self._total = page.total

    def _look(self, records: Sequence[Mapping[str, Any]]) -> None:
        columns = set(self._target.state.columns)
        if self._target.has_columns:
            self._left_out.update(name for record in records for name in record if name not in columns)
