"""`Writer`: exactly one outcome per record, and the outcome is the truth about the server."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from headrace.dispatch.breaker import Breaker, ErrorThreshold
from headrace.dispatch.halt import Halt
from headrace.dispatch.judge import Terms
from headrace.dispatch.parked import Parking, Quiet, Repeat
from headrace.dispatch.transport import Intend, Retrying
from headrace.dispatch.writer import Writer
from headrace.errors import CredentialsError, LostError, NotSentError, StoppedError, UnreachableError
from headrace.model import Batch, Done, NotAttempted, Record, Rejected, Request, Response, Row, Settled
from headrace.provider import Auth, Bulk, NoGuarantee, Provider, Refusal, Resource
from headrace.provider.json_api import JSON_API
from headrace.testing import virtual_time

T = TypeVar("T")


class Thing(Struct, frozen=True):
    number: int


class PlainCodec:
    """Numbers in a JSON list; ids are the numbers plus 1,000; a refusal names the faulty ones by index, if asked to."""

    def request(self, values: Sequence[Struct], *, bulk: bool) -> Request:
        assert bulk == (len(values) > 1)
        return Request(method="POST", path="/things", body=msgspec.json.encode([value.number for value in values]))

    def ids(self, body: bytes, values: Sequence[Struct]) -> list[str] | None:
        found = decode(body)
        return found if isinstance(found, list) and len(found) == len(values) else None

    def refusals(self, body: bytes) -> list[Refusal] | None:
        found = decode(body)
        return msgspec.convert(found["errors"], list[Refusal]) if isinstance(found, dict) else None


def decode(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None


RESOURCE = Resource(
    name="things", struct=Thing, guarantee=NoGuarantee(), doc="", bulk=Bulk(operations=frozenset({"create"}))
)
PROVIDER = Provider(
    name="fake",
    base_url="",
    hosts=frozenset(),
    auth=Auth(headers={}),
    wire=JSON_API,  # asked only about answers that the codec does not understand
    limits=(),
    resources=(RESOURCE,),
    doc="",
)


@dataclass
class Server:
    """An atomic API: stores a batch or refuses it. What happens to the n-th request is in `script`."""

    bad: frozenset[int] = frozenset()
    indexed: bool = False
    largest: int = 1_000
    script: Sequence[str] = ()
    stored: list[int] = field(default_factory=list)
    requests: int = 0

    async def send(self, request: Request, intend: Intend | None = None) -> Response:
        event = self.script[self.requests] if self.requests < len(self.script) else "ok"
        self.requests += 1
        if event == "refused connection":
            raise NotSentError("no route")
        if intend is not None:
            await intend()
        if event == "lost before commit":
            raise LostError("reset")
        if event.isdigit():
            return Response(status=int(event), headers={"content-type": "text/html"}, body=b"<html>")
        response = self.execute(msgspec.json.decode(request.body or b"", type=list[int]))
        if event == "lost after commit":
            raise LostError("reset")
        return response

    def execute(self, numbers: list[int]) -> Response:
        faulty = [at for at, number in enumerate(numbers) if number in self.bad]
        if len(numbers) > self.largest:
            return Response(status=413, headers={}, body=b'{"errors": []}')
        if faulty:
            errors = [{"code": "odd", "error": "is odd", "index": at if self.indexed else None} for at in faulty]
            return Response(status=422, headers={}, body=msgspec.json.encode({"errors": errors}))
        self.stored += numbers
        return Response(status=201, headers={}, body=msgspec.json.encode([str(n + 1_000) for n in numbers]))


@dataclass
class PlainJournal:
    """Keeps what it is told, and asserts the order: an intent, then its settling, and no second intent before that."""

    open: dict[int, Batch] = field(default_factory=dict)
    intents: int = 0
    proven: dict[int, object] = field(default_factory=dict)

    def intend(self, batch: Batch, since: float | None = None) -> "Future[int]":
        assert since is None  # there is no clock
        for record in batch.records:
            assert isinstance(self.proven.get(record.row.offset, NotAttempted(0, 0, "")), NotAttempted)
            assert all(record not in other.records for other in self.open.values())
        self.intents += 1
        self.open[self.intents] = batch
        return done(self.intents)

    def settle(self, intent: int, settled: Sequence[Settled]) -> "Future[None]":
        rows = [one.row for one in settled]
        rest = [record for record in self.open[intent].records if record.row not in rows]
        assert len(rest) + len(rows) == len(self.open.pop(intent))
        if rest:
            self.open[intent] = Batch(rest)
        self.proven.update((one.row.offset, one.outcome) for one in settled)
        return done(None)

    def give_up(self, intent: int) -> "Future[None]":
        assert intent in self.open
        return done(None)

    def sync(self) -> "Future[None]":
        return done(None)

    def held(self, ids: Sequence[str], resource: str) -> set[str]:
        raise AssertionError(f"the writer looks nothing up: {ids}, {resource}")

    def clear(self, rows: Sequence[Row]) -> "Future[None]":
        raise AssertionError(f"the writer audits nothing: {rows}")


def done(value: T) -> "Future[T]":
    future: Future[T] = Future()
    future.set_result(value)
    return future


def a_batch(size: int) -> Batch:
    return Batch([Record(Row(number, number + 2, b"", ()), Thing(number)) for number in range(size)])


@dataclass
class Run:
    """One batch written to a server, and everything that can be looked at afterwards."""

    server: Server
    size: int = 1
    breaker: Breaker = field(default_factory=Breaker)
    halt: Halt = field(default_factory=Halt)
    journal: PlainJournal = field(default_factory=PlainJournal)
    shrunk: list[int] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    unknown: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        virtual_time.run(self.main)

    async def main(self) -> None:
        parking = Parking(Quiet(120, 60), self.halt)
        writer = Writer(
            transport=Retrying(self.server),
            journal=self.journal,
            terms=Terms(provider=PROVIDER, resource=RESOURCE, codec=PlainCodec(), columns={"number": "No."}),
            breaker=self.breaker,
            halt=self.halt,
            shrink=self.shrunk.append,
            parking=parking,
            now=lambda: None,
        )
        self.settled = (await writer.write(a_batch(self.size))).settled
        self.unknown = {one.row.offset for one in parking.unsettled()}
        offsets = [one.row.offset for one in self.settled]
        assert offsets == [offset for offset in range(self.size) if offset not in self.unknown]
        assert self.unknown == {record.row.offset for batch in self.journal.open.values() for record in batch.records}
        assert not writer.under_way()

    def offsets(self, kind: type) -> set[int]:
        return {one.row.offset for one in self.settled if isinstance(one.outcome, kind)}


EVENTS = st.sampled_from(["ok", "ok", "lost before commit", "lost after commit", "refused connection", "429", "503"])


@given(st.integers(1, 40), st.data(), st.booleans(), st.lists(EVENTS, max_size=12))
def test_every_outcome_is_the_truth(size: int, data: st.DataObject, indexed: bool, script: list[str]) -> None:
    """Done is stored once, Rejected and NotAttempted not at all, and only what is unknown, and open, may be either."""
    bad = data.draw(st.frozensets(st.integers(0, size - 1)))
    server = Server(bad=bad, indexed=indexed, script=script)
    run = Run(server, size, breaker=Breaker(ErrorThreshold()))
    assert len(server.stored) == len(set(server.stored))
    stored = set(server.stored)
    assert run.offsets(Done) <= stored <= run.offsets(Done) | run.unknown
    assert run.offsets(Rejected) <= bad
    assert {one.outcome.remote_id for one in run.settled if isinstance(one.outcome, Done)} == {
        str(offset + 1_000) for offset in run.offsets(Done)
    }
    assert all(run.journal.proven.get(one.row.offset, one.outcome) == one.outcome for one in run.settled) or run.halt


@given(st.integers(1, 100), st.data(), st.booleans())
def test_a_bad_row_never_sinks_its_batch(size: int, data: st.DataObject, indexed: bool) -> None:
    """Without faults of the network every good row is stored and every bad one rejected, with its reason and column."""
    bad = data.draw(st.frozensets(st.integers(0, size - 1), max_size=min(size, 19)))
    run = Run(Server(bad=bad, indexed=indexed), size)
    assert run.offsets(Rejected) == bad
    assert run.offsets(Done) == set(range(size)) - bad
    assert all(one.outcome.errors[0].code == "odd" for one in run.settled if isinstance(one.outcome, Rejected))


@given(st.integers(8, 100), st.integers(1, 7))
def test_isolating_one_bad_row_is_cheap(size: int, bad: int) -> None:
    """One bad row of n costs about 2 log2(n) requests, not n (RELIABILITY.md 1.8)."""
    run = Run(Server(bad=frozenset({bad})), size)
    assert run.server.requests <= 2 * size.bit_length() + 4
    assert len(Run(Server(bad=frozenset({bad}), indexed=True), size).journal.proven) == size


def test_a_batch_that_is_too_large_is_halved_for_the_rest_of_the_load() -> None:
    """A 413 loses nothing and makes later batches smaller."""
    run = Run(Server(largest=30), 100)
    assert run.offsets(Done) == set(range(100))
    assert run.shrunk[0] == 100


def test_a_429_costs_no_attempt() -> None:
    """However many 429s come, the row is sent when they end, once, under one intent."""
    run = Run(Server(script=["429"] * 50))
    assert run.offsets(Done) == {0}
    assert run.journal.intents == 1


def test_what_was_never_sent_stops_the_run_and_doubts_nothing() -> None:
    """An unreachable provider leaves its rows not attempted, so that the same command sends them later."""
    run = Run(Server(script=["refused connection"] * 50), 3)
    assert run.offsets(NotAttempted) == {0, 1, 2}
    assert isinstance(run.halt.reason, UnreachableError)
    assert run.journal.intents == 0


def test_bad_credentials_stop_the_run_and_refuse_nothing() -> None:
    """A 401 is not the rows' fault."""
    run = Run(Server(script=["401"]), 3)
    assert run.offsets(NotAttempted) == {0, 1, 2}
    assert isinstance(run.halt.reason, CredentialsError)


def test_a_web_page_is_never_a_success_nor_a_refusal() -> None:
    """HTML, with 200 as with 403, leaves the rows unknown: who knows what passed it."""
    assert Run(Server(script=["200"]), 2).unknown == {0, 1}
    assert Run(Server(script=["403"]), 2).unknown == {0, 1}


def test_an_outage_ends_the_run_before_doubt_piles_up() -> None:
    """Five requests in a row whose fate is unknown end the run."""
    breaker, halt = Breaker(), Halt()
    for count in range(1, 6):
        Run(Server(script=["503"]), breaker=breaker, halt=halt)
        assert bool(halt) == (count == 5)
    assert isinstance(halt.reason, UnreachableError)


def test_a_wrong_mapping_stops_after_twenty_rows() -> None:
    """When the first twenty rows that got an answer are all refused for one reason, the mapping is at fault."""
    run = Run(Server(bad=frozenset(range(100))), 100)
    assert isinstance(run.halt.reason, StoppedError)
    assert 20 <= len(run.offsets(Rejected)) <= 24
    assert len(run.offsets(NotAttempted)) == 100 - len(run.offsets(Rejected))


def test_the_error_threshold_stops_the_run() -> None:
    """`--max-errors 2` allows two refused rows and stops at the third."""
    run = Run(Server(bad=frozenset(range(1, 100, 2))), 100, breaker=Breaker(ErrorThreshold(count=2)))
    assert isinstance(run.halt.reason, StoppedError)
    assert len(run.offsets(Rejected)) == 3


def test_a_halted_run_sends_nothing_more() -> None:
    """Once the run ends, a batch that was pulled but not sent stays not attempted."""
    halt = Halt()
    halt.stop(StoppedError("enough"))
    run = Run(Server(), 3, halt=halt)
    assert run.server.requests == 0
    assert run.offsets(NotAttempted) == {0, 1, 2}


class DeletingServer:
    """Deletes what it is asked to, once; says 404 afterwards. What happens to the n-th request is in `script`."""

    def __init__(self, script: Sequence[str]) -> None:
        self.script = script
        self.requests = self.deleted = 0

    async def send(self, request: Request, intend: Intend | None = None) -> Response:
        del request
        event = self.script[self.requests] if self.requests < len(self.script) else "ok"
        self.requests += 1
        if event == "refused connection":
            raise NotSentError("no route")
        if intend is not None:
            await intend()
        if event == "lost before commit":
            raise LostError("reset")
        if event.isdigit():
            return Response(status=int(event), headers={}, body=b'{"errors": [{"code": "busy", "error": "busy"}]}')
        if self.deleted:
            return Response(status=404, headers={}, body=b'{"errors": [{"code": "gone", "error": "gone"}]}')
        self.deleted += 1
        if event == "lost after commit":
            raise LostError("reset")
        return Response(status=204, headers={}, body=b"[]")


class DeletingCodec(PlainCodec):
    """As the plain one, but what is deleted is named by its id."""

    def request(self, values: Sequence[Any], *, bulk: bool) -> Request:
        assert not bulk
        return Request(method="DELETE", path=f"/things/{values[0].id}")

    def ids(self, body: bytes, values: Sequence[Any]) -> list[str] | None:
        del body
        return [str(value.id) for value in values]


class Gone(Struct, frozen=True):
    id: int


def deleted_with(script: Sequence[str], *, header: str | None = None) -> tuple[Parking, list[Settled], PlainJournal]:
    """Delete one record, and repeat it while its fate is unknown, at most five times."""
    journal, halt = PlainJournal(), Halt()
    parking = Parking(Quiet(120, 60, Repeat(None, lambda: None)), halt)
    told: list[Settled] = []

    async def main() -> None:
        terms = Terms(
            provider=PROVIDER,
            resource=RESOURCE,
            codec=DeletingCodec(),
            columns={},
            operation="delete",
            header=header,
            key=lambda record: str(record.row.offset),
        )
        writer = Writer(
            transport=DeletingServer(script),
            journal=journal,
            terms=terms,
            breaker=Breaker(),
            halt=halt,
            shrink=lambda _: None,
            parking=parking,
            now=lambda: None,
        )
        told.extend((await writer.write(Batch([Record(Row(0, 2, b"", ()), Gone(7))]))).settled)
        for _ in range(5):
            if not parking.rows:
                break
            rows = parking.rows
            parking.take(rows)
            told.extend((await writer.repeat(rows)).settled)

    virtual_time.run(main)
    return parking, told, journal


@pytest.mark.parametrize("lost", ["lost before commit", "lost after commit", "503"])
def test_a_lost_delete_is_repeated_and_gone_is_done(lost: str) -> None:
    """Not found at the second asking is what was wanted; the repetition has no intent of its own."""
    parking, told, journal = deleted_with([lost])
    (one,) = told
    assert isinstance(one.outcome, Done)
    assert one.outcome.remote_id == "7"
    assert (journal.intents, journal.open, len(parking)) == (1, {}, 0)


def test_a_delete_of_what_never_was_is_refused() -> None:
    """Not found at the first asking is a refusal: there was nothing to delete."""
    _, (one,), _ = deleted_with(["404"])
    assert isinstance(one.outcome, Rejected)


def test_a_repetition_that_was_not_sent_says_nothing() -> None:
    """What was sent before may have been executed: the row stays unknown, and its intent open."""
    parking, told, journal = deleted_with(["lost before commit", *["refused connection"] * 5])
    assert not told
    assert len(parking) == len(journal.open) == 1


def test_a_key_that_is_still_being_worked_on_is_waited_for() -> None:
    """A 409 on a repetition under a key means that the first sending is under way, not that it was refused."""
    _, (one,), journal = deleted_with(["lost before commit", "409", "409"], header="Idempotency-Key")
    assert isinstance(one.outcome, Done)
    assert journal.intents == 1
