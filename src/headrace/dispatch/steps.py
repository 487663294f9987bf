"""Steps: the requests that one row takes where it takes several, carried out as if they were one.

    create ─▶ upload to the storage ─▶ tell the record where its file is ─▶ link it to the record that it belongs to

Only the last one shows (RELIABILITY.md 1.8). What came before may be done again, so a row of which any of them got no
answer is looked up as any other, and sent again from the first: what the storage asks for expires.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, BinaryIO, Final, Protocol, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from headrace.dispatch.transport import Intend, Sender, Transport
from headrace.dispatch.uploading import UnfitFileError, upload
from headrace.errors import LostError
from headrace.model import Request, Response
from headrace.provider import Create, Link, Locate, Provider, Refusal, Resource, Step, Upload, Verdict, ids_of, verdict
from headrace.provider.decoding import decoded
from headrace.provider.form import form
from headrace.provider.wire import Codec


class Files(Protocol):
    """Where the files are that rows name."""

    def open(self, path: str, size: int | None = None) -> BinaryIO:
        """Open a file of so many bytes. Raises `UnfitFileError` for what may not be sent."""


class Uploads(Struct, frozen=True):
    """What a load with files needs beside its transport: the storage, and where the files are."""

    storage: Sender
    files: Files


class Stepped(Request, frozen=True, kw_only=True):
    """The first request of a row, and what the later ones are made of."""

    value: Any


class StepCodec:
    """The codec of a resource that has steps: its request is the first one's, and carries the row's value along."""

    def __init__(self, provider: Provider, resource: Resource) -> None:
        self._create = next(step for step in resource.steps if isinstance(step, Create))
        plain = replace(resource, struct=self._create.struct, steps=())
        self._inner = provider.wire.codec(provider, plain, "create")

    @property
    def route(self) -> str | None:
        """See `Codec`."""
        return self._inner.route

    def request(self, values: Sequence[Struct], *, bulk: bool) -> Stepped:
        """See `Codec`. Takes one value."""
        (value,) = values
        first = self._inner.request([self._create.make(value)], bulk=bulk)
        return Stepped(**{name: getattr(first, name) for name in first.__struct_fields__}, value=value)

    def ids(self, body: bytes, values: Sequence[Struct]) -> list[str] | None:
        """See `Codec`."""
        return self._inner.ids(body, [self._create.make(value) for value in values])

    def refusals(self, body: bytes) -> list[Refusal] | None:
        """See `Codec`. What was refused by the storage, or by us, says so in words of ours."""
        return decoded(_ours, body) or self._inner.refusals(body)


_ours: Final = msgspec.json.Decoder(list[Refusal])


def _refused(field: str, code: str, error: str) -> Response:
    """Return the answer that refuses a row before its last step."""
    body = msgspec.json.encode([Refusal(code=code, error=error, field=field)])
    return Response(status=422, headers={}, body=body)


class _Course(Struct):
    """One row on its way through its steps. Mutable state: where its file is, once that is known."""

    value: Any
    created: Response
    identity: str
    location: str = ""


class Steps:
    """The `Transport` of a load whose rows take several requests. Stateless.

    An answer that is not a success is the row's; else the row's is that to the create, which has its id. Raises what
    `Transport.send` raises; where that is before the last step, nothing that shows was done.
    """

    def __init__(
        self, transport: Transport, uploads: Uploads, provider: Provider, resource: Resource, codec: Codec
    ) -> None:
        self._transport = transport
        self._uploads = uploads
        self._provider = provider
        self._resource = resource
        self._codec = codec
        self._locating = {step: self._located(step) for step in resource.steps if isinstance(step, Locate)}

    def _located(self, step: Locate) -> tuple[type[Struct], Codec]:
        """Return the Struct of an update of one field, and its codec."""
        located = msgspec.defstruct("Located", [(step.field, str)], frozen=True, kw_only=True)
        resource = replace(self._resource, struct=located, steps=())
        return form(resource, "update"), self._provider.wire.codec(self._provider, resource, "update")

    async def send(self, request: Request, intend: Intend | None = None) -> Response:
        """See `Transport`."""
        assert isinstance(request, Stepped), "the codec makes no others"
        created = await self._transport.send(request, intend)
        if not self._is_accepted(created):
            return created
        ids = self._codec.ids(created.body, [request.value])
        if ids is None:
            return created
        course = _Course(request.value, created, ids[0])
        for step in self._resource.steps:
            stopped = await _RUN[type(step)](self, step, course)
            if stopped is not None:
                return stopped
        return created

    async def upload(self, step: Upload, course: _Course) -> Response | None:
        """Send the file to the storage; return the answer of a row that this refuses."""
        given = self._form(step, course.created)
        if not given:
            return _refused(step.file, "no_form", f"the provider does not say how to upload: no {step.form}")
        opened = partial(
            self._uploads.files.open, getattr(course.value, step.file), getattr(course.value, "size", None)
        )
        try:
            course.location = await upload(self._uploads.storage, opened, given)
        except UnfitFileError as error:
            return _refused(step.file, error.code, error.error)
        return None

    async def locate(self, step: Locate, course: _Course) -> Response | None:
        """Tell the record where its file is. Doing it twice is doing it once."""
        update, codec = self._locating[step]
        value = update(**{"id": course.identity, step.field: course.location})
        response = await self._transport.send(replace(codec.request([value], bulk=False), is_read=True))
        return self._unless_accepted(response, codec.ids(response.body, [value]))

    async def link(self, step: Link, course: _Course) -> Response | None:
        """Link the record to the one it belongs to, beside those that are linked to it already."""
        name, identity = step.target(course.value)
        resource = self._provider.resource(name)
        assert resource is not None, "the table names its own resources"
        wire = self._provider.wire
        reading = wire.members(self._provider, resource, identity, step.relation)
        answer = await self._transport.send(reading)
        page = wire.page(reading, answer.body) if answer.status == 200 else None
        if page is None or not page.items:
            return self._unless_accepted(answer, None)
        held = page.items[0].get(ids_of(step.relation))
        if not isinstance(held, list):  # to write what is not known to be whole would undo the rest
            return _refused(step.relation, "no_list", f"the provider does not say which {step.relation} it has")
        present = [str(one) for one in held]
        if course.identity in present:
            return None
        writing = wire.related_to(self._provider, resource, identity, step.relation, [*present, course.identity])
        answer = await self._transport.send(writing)
        page = wire.page(writing, answer.body) if self._is_accepted(answer) else None
        return self._unless_accepted(answer, None if page is None else [str(one["id"]) for one in page.items])

    def _form(self, step: Upload, created: Response) -> Mapping[str, str]:
        page = self._provider.wire.page(Request(method="POST", path=""), created.body)
        given = page.items[0].get(step.form) if page is not None and page.items else None
        return {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}

    def _is_accepted(self, response: Response) -> bool:
        return verdict(response.status, self._provider.verdicts) is Verdict.ACCEPTED

    def _unless_accepted(self, response: Response, proof: Sequence[str] | None) -> Response | None:
        """Return an answer that is not a success. Raises `LostError` for a success that the body does not bear out."""
        if not self._is_accepted(response):
            return response
        if not proof:
            raise LostError(f"the answer (status {response.status}) does not confirm a step of the row")
        return None


async def _nothing(_steps: Steps, _step: Any, _course: _Course) -> Response | None:
    """Do nothing: the create has been sent."""


_Run: TypeAlias = Callable[[Steps, Any, _Course], Awaitable[Response | None]]
_RUN: Final[Mapping[type[Step], _Run]] = MappingProxyType(
    {Create: _nothing, Upload: Steps.upload, Locate: Steps.locate, Link: Steps.link}
)
