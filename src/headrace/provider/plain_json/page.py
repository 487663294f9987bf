"""A page of a listing: its records, flat and under our names, and the request for the page after it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from msgspec.json import Decoder
from msgspec.structs import replace

from headrace.model import Request
from headrace.provider.decoding import decoded
from headrace.provider.plain_json.answer import identity, unwrapped
from headrace.provider.plain_json.envelope import Envelope, Pages
from headrace.provider.wire import Page

Record: TypeAlias = dict[str, Any]

_listing: Final = Decoder(list[Record] | Record)
_records: Final = Decoder(list[Record])


class Reader(Protocol):
    """Knows what the answers to one listing mean."""

    def page(self, request: "Walk", body: bytes) -> Page | None:
        """Return the page, None where `body` is none."""


class Walk(Request, frozen=True, kw_only=True):
    """A request of a listing. `reader` understands its answer; `then` are the listings that come after its own."""

    reader: Reader
    then: tuple["Walk", ...] = ()

    def onward(self, following: "Walk | None") -> "Walk | None":
        """Return what comes after this page: the `following` page, else the next listing."""
        if following is not None:
            return replace(following, then=self.then)
        return replace(self.then[0], then=(*self.then[0].then, *self.then[1:])) if self.then else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReader:
    """Reads pages of one resource. `name_of` leads the vendor's names to ours; `known` is what the path says."""

    envelope: Envelope
    lists: tuple[str, ...]
    name_of: Callable[[str], str]
    known: Mapping[str, Any] = field(default_factory=dict)

    def page(self, request: Walk, body: bytes) -> Page | None:
        """See `Reader`."""
        answer = decoded(_listing, body)
        records = None if answer is None else self._records(answer)
        if records is None or any(identity(self.envelope, record) is None for record in records):
            return None
        counts = answer.get(self.envelope.pages.counts) if isinstance(answer, dict) else None
        counted = counts if isinstance(counts, dict) else {}
        return Page(
            items=[self._flat(record) for record in records],
            following=request.onward(_following(request, self.envelope.pages, counted, len(records))),
            total=_whole(counted, self.envelope.pages.total),
        )

    def _records(self, answer: list[Record] | Record) -> list[Record] | None:
        """Return the records of an answer: a list, one that is wrapped, or a single record."""
        if isinstance(answer, list):
            return answer
        held = next((answer[key] for key in self.lists if isinstance(answer.get(key), list)), None)
        if held is not None:
            return held if all(isinstance(one, dict) for one in held) else None
        single = unwrapped(self.envelope, answer)
        return [single] if identity(self.envelope, single) is not None else None

    def _flat(self, record: Record) -> Record:
        named = {self.name_of(name): value for name, value in record.items() if name not in self.envelope.ids}
        lowered = {name: str(named[name]).lower() for name in self.envelope.lowered if named.get(name)}
        return {"id": identity(self.envelope, record), **self.known, **named, **lowered}


def _following(request: Walk, pages: Pages, counts: Mapping[str, Any], records: int) -> Walk | None:
    """Return the request for the next page: where pages are counted until the last, else after every full one."""
    params = dict(request.params)
    number, size = params.get(pages.number or ""), params.get(pages.size or "")
    if number is None or not records:
        return None
    last = _whole(counts, pages.last)
    is_last = int(number) >= last if last is not None else records < int(size or 1)
    others = tuple(pair for pair in request.params if pair[0] != pages.number)
    return None if is_last else replace(request, params=(*others, (str(pages.number), str(int(number) + 1))), then=())


def _whole(counts: Mapping[str, Any], names: Sequence[str]) -> int | None:
    """Return the first of `names` that is counted."""
    found = (counts.get(name) for name in names)
    return next((one for one in found if isinstance(one, int) and not isinstance(one, bool)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentReader:
    """Reads the records under which others are listed; `child` makes the listing of those below one of them.

    Its pages are empty: what they hold are only places to look at.
    """

    inner: PageReader
    child: Callable[[str], Walk]

    def page(self, request: Walk, body: bytes) -> Page | None:
        """See `Reader`."""
        found = self.inner.page(replace(request, then=()), body)
        if found is None:
            return None
        children = [self.child(str(item["id"])) for item in found.items]
        more = () if found.following is None else (found.following,)
        return Page(items=[], following=replace(request, then=(*children, *more, *request.then)).onward(None))
