"""The client: credentials, one session and one budget; and what a program does with them."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import anyio
import msgspec
from anyio.abc import TaskGroup
from msgspec.structs import replace

from headrace.access import Access, open_connection
from headrace.address import base_url_of, check_address, check_credentials
from headrace.adoption import adopt
from headrace.connection import Connection
from headrace.dispatch.asking import check_listing
from headrace.dispatch.halt import Halt
from headrace.dispatch.reading import read_pages
from headrace.errors import CredentialsError, UsageError
from headrace.examination import Diagnosis, examine
from headrace.exporting import Exported, Query, Target, export
from headrace.feed import AnySource, LiveSource
from headrace.importfile import ImportSpec, stem
from headrace.intake.rule import read_rules
from headrace.intake.source import Item, open_source
from headrace.ledger.view import read
from headrace.loads import ROWS, LoadSpec
from headrace.migration import Report, Watch, migrate, retry
from headrace.model import Lane, Outcome, Request, Response, Secret
from headrace.naming import provider_named, resource_named
from headrace.outside import Outside
from headrace.pipeline import Settings
from headrace.planning import Plan, plan
from headrace.progress import Progress
from headrace.provider import Login, Provider
from headrace.session import check_login
from headrace.stream import OutcomeStream
from headrace.verification import verify
from headrace.verified import Verified

__all__ = ["Client", "Plan", "Report"]


class Client:
    """An open way to one provider.

    `provider` is a name (`productive`) or a `Provider` of your own. `base_url` replaces the provider's, path included.
    `token` may also be a `Login`, where the provider gives a token for one. `outside` replaces clock, network and
    threads, for simulations (`headrace.testing`).
    Use it in `async with`; leaving the block lets what is under way answer and be settled.

    Raises `UsageError` for an unknown provider or an address that must not be sent the token, `CredentialsError`
    where the provider needs an organization and none is given.
    """

    def __init__(
        self,
        provider: str | Provider,
        *,
        token: str | Secret | Login,
        organization: str | None = None,
        base_url: str | None = None,
        settings: Settings | None = None,
        outside: Outside | None = None,
    ) -> None:
        self.provider = provider if isinstance(provider, Provider) else provider_named(provider)
        self.settings = settings or Settings()
        self.base_url = base_url_of(self.provider, base_url, environ={})
        check_address(self.provider, self.base_url, allow_host=self.settings.allow_host, limits=self.settings.limits)
        if self.provider.auth.needs_organization and not organization:
            raise CredentialsError(
                f"{self.provider.name} needs an organization beside the token",
                hint=f"set HEADRACE_{self.provider.name.upper()}_ORGANIZATION",
            )
        self._token = Secret(token) if isinstance(token, str) else token
        check_login(self.provider, self._token)
        check_credentials(self._token, organization or "")
        self._organization = organization or ""
        self._outside = outside or Outside()
        self._resources = AsyncExitStack()
        # Mutable state: the connection and its tasks while the client is open, and the loads that are being iterated.
        self._connection: Connection | None = None
        self._tasks: TaskGroup
        self._streams: set[OutcomeStream] = set()

    async def __aenter__(self) -> Self:
        access = Access(
            provider=self.provider,
            base_url=self.base_url,
            token=self._token,
            organization=self._organization,
            settings=self.settings,
            outside=self._outside,
        )
        self._connection = await self._resources.enter_async_context(open_connection(access))
        self._tasks = await self._resources.enter_async_context(anyio.create_task_group())
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream in tuple(self._streams):
            stream.close()
        await self._resources.aclose()
        self._connection = None

    async def run(
        self,
        spec: ImportSpec,
        *,
        checkpoint: Path | None,
        results: Path | None,
        halt: Halt | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Run an import; see `migration.migrate`."""
        watch = Watch(halt=Halt() if halt is None else halt, progress=progress)
        return await migrate(
            spec, self.connection.fitted(spec), self.settings, watch, checkpoint=checkpoint, results=results
        )

    async def plan(
        self, spec: ImportSpec, *, checkpoint: Path | None = None, tell: Callable[[str], None] | None = None
    ) -> Plan:
        """Return what `run` with the same arguments would do, and how long it would take. See `planning.plan`.

        Names are read from the provider, inside the budget; nothing is written, there or here. `tell` is told, in a
        sentence for people, where that has to wait.
        """
        return await plan(spec, self.connection.fitted(spec), self.settings, checkpoint=checkpoint, tell=tell)

    async def adopt(
        self,
        spec: ImportSpec,
        *,
        checkpoint: Path,
        results: Path | None,
        halt: Halt | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Make the lost checkpoint of an import anew from the marks that its records carry; see `adoption.adopt`."""
        watch = Watch(halt=Halt() if halt is None else halt, progress=progress)
        return await adopt(
            spec, self.connection.fitted(spec), self.settings, watch, checkpoint=checkpoint, results=results
        )

    async def verify(self, checkpoint: str | Path, *, rows: Iterable[Item] | None = None) -> Verified:
        """Read back what the import of a checkpoint has left, and compare it; see `verification.verify`."""
        with read(Path(checkpoint)) as view:
            return await verify(view, self.connection, attachments=self.settings.attachments_dir, rows=rows)

    async def examine(self) -> Diagnosis:
        """Find out what the account allows and lets us promise, by reading; see `examination.examine`."""
        return await examine(self.connection)

    async def retry(
        self, *, checkpoint: Path, results: Path, halt: Halt | None = None, progress: Progress | None = None
    ) -> Report:
        """Send what is in the reject files of an import; see `migration.retry`."""
        watch = Watch(halt=Halt() if halt is None else halt, progress=progress)
        return await retry(self.connection, self.settings, watch, checkpoint=checkpoint, results=results)

    async def load(
        self,
        resource: str,
        rows: str | Path | Iterable[Item] | AsyncIterable[Item],
        *,
        checkpoint: str | Path | None = None,
        results: str | Path | None = None,
        name: str | None = None,
        fields: Mapping[str, Any] | None = None,
        key: Sequence[str] = (),
        operation: str = "create",
        by: Sequence[str] = (),
    ) -> AsyncGenerator[Outcome, None]:
        """Import `rows` into `resource`, or do `operation` on its records, and yield what became of each, when durable.

        `rows` are a file or mappings or Structs, `fields` and `key` as in the import file. With a `checkpoint` the
        same call goes on where an earlier one ended, and yields only the rows that it settles itself; `name` (by
        default the checkpoint's stem) and the target identify the import. `results` is a folder for the files that
        `headrace run` writes, None for none.

        Outcomes come in the order in which requests are answered. Whoever takes them slowly slows the import down;
        leaving the loop early lets what is under way be answered and settled. Raises `HeadraceError` where nothing
        was begun, and after the last outcome where the run ended early.
        """
        spec = ImportSpec(
            provider=self.provider.name,
            name=name or (stem(str(checkpoint)) if checkpoint else resource),
            load=(
                LoadSpec(
                    resource=resource,
                    operation=operation,
                    by=tuple(by),
                    source=_described(rows),
                    key=tuple(key),
                    fields={**read_rules(fields)},
                ),
            ),
        )
        places = {"checkpoint": _path(checkpoint), "results": _path(results)}
        with self._running(spec, _source(rows), **places) as stream:
            async for outcome in stream.outcomes():
                yield outcome

    @contextmanager
    def _running(self, spec: ImportSpec, source: AnySource, **places: Path | None) -> Iterator[OutcomeStream]:
        """Run an import beside the block, which gets its outcomes; leaving the block lets what is under way end."""
        stream = OutcomeStream()
        watch = Watch(halt=stream.halt, emit=stream.emit)
        work = partial(migrate, spec, self.connection, self.settings, watch, source=source, **places)
        self._streams.add(stream)
        self._tasks.start_soon(stream.run, work)
        try:
            yield stream
        finally:
            stream.close()
            self._streams.discard(stream)

    async def read(
        self,
        resource: str,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  # the API's own word for it
        include: Sequence[str] = (),
        fields: Sequence[str] = (),
        sort: str | None = None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the records of `resource` that pass `filter`, page after page, inside the budget.

        A record is flat: `{"id": ..., field: value, ...}`. Raises `UsageError` for an unknown resource, and for what
        the API cannot do.
        """
        connection, named = self.connection, resource_named(self.provider, resource)
        check_listing(self.provider, named, filters=filter or {}, include=include, sort=sort)
        first = self.provider.wire.listing(
            self.provider,
            named,
            filters=filter or {},
            include=include,
            fields=fields,
            sort=sort,
        )
        async for page in read_pages(connection.transport, self.provider, replace(first, lane=Lane.APPLICATION)):
            for item in page.items:
                yield item

    async def export(
        self, query: Query, file: Path | str, *, halt: Halt | None = None, target: Target | None = None
    ) -> Exported:
        """Read what `query` asks for into a CSV or JSON Lines file; see `exporting.export`."""
        deadline = self.settings.deadline
        return await export(query, self.connection, file, halt=halt, target=target, deadline=deadline)

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Any = None
    ) -> Response:
        """Send a request of the application's own: same budget, first lane. Return the answer, whatever its status.

        `path` is below the base URL. A GET may be repeated after a failure; anything else never is. Raises
        `NotSentError` when nothing was sent, `LostError` when there was no complete answer.
        """
        request = Request(
            method=method.upper(),
            path="/" + path.lstrip("/"),
            params=tuple((params or {}).items()),
            headers=self.provider.wire.headers,
            body=None if json is None else msgspec.json.encode(json),
            route=self.provider.route(method.upper(), "/" + path.lstrip("/")),
            lane=Lane.APPLICATION,
            is_read=method.upper() in {"GET", "HEAD"},
        )
        return await self.connection.transport.send(request)

    @property
    def connection(self) -> Connection:
        """The open way to the provider. Raises `UsageError` while the client is not open."""
        if self._connection is None:
            raise UsageError("the client is not open", hint="use it in `async with Client(...) as client:`")
        return self._connection

    def __repr__(self) -> str:
        state = "closed" if self._connection is None else "open"
        return f"<Client of {self.provider.name} at {self.base_url}, {state}>"


def _path(name: str | Path | None) -> Path | None:
    return Path(name) if name else None


def _source(rows: str | Path | Iterable[Item] | AsyncIterable[Item]) -> AnySource:
    return LiveSource(rows) if isinstance(rows, AsyncIterable) else open_source(rows)


def _described(rows: object) -> str:
    return str(rows) if isinstance(rows, str | Path) else ROWS
