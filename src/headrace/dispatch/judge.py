"""What an answer makes of a batch: one ruling, decided in plain functions (RELIABILITY.md 1.5 and 1.8).

Every record of the batch gets exactly one outcome, in order. `NotAttempted` means proven not executed; only such
records may be in `again`, the batches that are sent next.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from headrace.dispatch.endings import excerpt, liar, unauthorized
from headrace.dispatch.partial import echoed, has_repeated_ids
from headrace.errors import HeadraceError, UnreachableError
from headrace.model import Batch, Done, Fault, NotAttempted, Outcome, Record, Rejected, Request, Response, Settled
from headrace.provider import Codec, Provider, Refusal, Resource, Verdict, verdict

SINGLY_BELOW: Final = 4
"""Rows: a refused batch smaller than this is not halved again, its rows are sent one by one."""


class Ruling(Struct, frozen=True, kw_only=True):
    """What became of a batch, and what to do next.

    `settled` are the records with an outcome, in order, `unknown` all others: they may have been executed, and only a
    read-back can tell; `why` says what came instead of an answer. `is_answered` says that one came all the same, so
    that nothing is under way any more. `evidence` is the verdict that the breaker counts. `halt` ends the run. `shrink`
    asks for smaller batches. `refusal` is the answer where the ruling rests on the API's word that a refused batch
    leaves nothing behind.
    """

    settled: list[Settled]
    evidence: Verdict
    again: tuple[Batch, ...] = ()
    halt: HeadraceError | None = None
    shrink: bool = False
    refusal: Response | None = None
    unknown: tuple[Record, ...] = ()
    why: str = ""
    is_answered: bool = False


class Terms(Struct, frozen=True, kw_only=True):
    """What sending and judging need to know of a load: its table entries, its codec, the source's column of each field.

    `header` is the one for a request's idempotency key, None where the API knows none; `key` makes it. `value` makes
    of a record what is sent of it.
    """

    provider: Provider
    resource: Resource
    codec: Codec
    columns: Mapping[str, str]
    operation: str = "create"
    header: str | None = None
    key: Callable[[Record], str] | None = None
    value: Callable[[Record], Struct] = attrgetter("value")

    @property
    def is_atomic(self) -> bool:
        """Whether the API says that a refused batch leaves nothing behind."""
        return self.resource.bulk is not None and self.resource.bulk.atomicity == "atomic"

    def request(self, batch: Batch) -> Request:
        """Return the request that carries `batch`: the same bytes, and the same key, each time it is asked for."""
        request = self.codec.request([self.value(record) for record in batch.records], bulk=len(batch) > 1)
        if self.header is None or self.key is None or len(batch) > 1:
            return request
        return replace(request, headers={**request.headers, self.header: self.key(batch.records[0])})


def judge(terms: Terms, batch: Batch, response: Response) -> Ruling:
    """Return what `response` makes of `batch`."""
    found = verdict(response.status, terms.provider.verdicts)
    return _RULES[found](terms, batch, response)


def not_sent(batch: Batch, error: HeadraceError) -> Ruling:
    """Return the ruling for a request of which not a byte left: nothing happened, and nothing will until it can."""
    halt = UnreachableError(
        f"the provider cannot be reached: {error}",
        hint="check the network and --base-url, then run the same command again: it goes on where it stopped",
    )
    return Ruling(settled=_all(batch, not_attempted(str(error))), evidence=Verdict.UNKNOWN, halt=halt)


def postponed(batch: Batch) -> Ruling:
    """Return the ruling for a batch that the end of the run kept from being sent."""
    return Ruling(
        settled=_all(batch, not_attempted("the run ended before the row was sent")), evidence=Verdict.ACCEPTED
    )


def lost(batch: Batch, why: str) -> Ruling:
    """Return the ruling for a request that was sent and not answered: nobody knows, and we do not guess."""
    return Ruling(settled=[], evidence=Verdict.UNKNOWN, unknown=tuple(batch.records), why=why)


def uncertain(batch: Batch, why: str) -> Ruling:
    """Return the ruling for a batch that was refused, and of which a part may have been stored."""
    return replace(lost(batch, why), evidence=Verdict.REFUSED, is_answered=True)


# --- outcomes ---------------------------------------------------------------------------------------------------

_Outcome: TypeAlias = Callable[[Record], Outcome]


def not_attempted(why: str) -> _Outcome:
    """Return a function that says of a record that it was not executed."""
    return lambda record: NotAttempted(record.row.offset, record.row.line, why)


def _all(batch: Batch, outcome: _Outcome) -> list[Settled]:
    return [Settled(record.row, outcome(record)) for record in batch.records]


# --- rules, one per verdict -------------------------------------------------------------------------------------


def _accepted(terms: Terms, batch: Batch, response: Response) -> Ruling:
    """Done only if the body bears it out, row by row; a login page with status 200 is not a success."""
    ids = terms.codec.ids(response.body, [terms.value(record) for record in batch.records])
    if ids is None:
        return confirmed(terms, batch, response)
    rows = [record.row for record in batch.records]
    done = [Done(row.offset, row.line, remote_id) for row, remote_id in zip(rows, ids, strict=True)]
    return Ruling(settled=list(map(Settled, rows, done)), evidence=Verdict.ACCEPTED)


def confirmed(terms: Terms, batch: Batch, response: Response) -> Ruling:
    """Return the ruling on a success whose body does not name every record: what it names is done."""
    why = f"the answer (status {response.status}) does not confirm the record: {excerpt(response)}"
    ruling = lost(batch, why)
    page = terms.provider.wire.page(terms.request(batch), response.body)
    if page is None or terms.operation != "create":
        return ruling
    if has_repeated_ids(page):
        return replace(ruling, halt=liar(terms.provider))
    ids = echoed(terms.resource, batch.records, page)
    rows = [(place, record.row) for place, record in enumerate(batch.records) if place in ids]
    return replace(
        ruling,
        settled=[Settled(row, Done(row.offset, row.line, ids[place])) for place, row in rows],
        unknown=tuple(record for place, record in enumerate(batch.records) if place not in ids),
    )


def _refused(terms: Terms, batch: Batch, response: Response) -> Ruling:
    refusals = terms.codec.refusals(response.body)
    if refusals is None:
        # Not the provider's own words: a proxy or firewall answered, and who knows what reached the API.
        return lost(batch, f"status {response.status}, but not in the provider's own words: {excerpt(response)}")
    found = verdict(response.status, terms.provider.verdicts)
    if len(batch) == 1:
        return Ruling(settled=_all(batch, _rejected(terms, response, refusals)), evidence=found)
    if terms.is_atomic or terms.resource.repeats(terms.operation):
        return _isolate(terms, batch, response, refusals)
    return _refused_in_part(terms, batch, response, refusals)


def _refused_in_part(terms: Terms, batch: Batch, response: Response, refusals: Sequence[Refusal]) -> Ruling:
    """Refuse the rows that the answer names; whether the others were stored it does not say."""
    ruling = uncertain(batch, f"refused with status {response.status}, which may have stored a part")
    by_index = _by_index(batch, refusals)
    if by_index is None:
        return ruling
    named = [(record, by_index[at]) for at, record in enumerate(batch.records) if at in by_index]
    return replace(
        ruling,
        settled=[Settled(record.row, _rejected(terms, response, its)(record)) for record, its in named],
        unknown=tuple(record for at, record in enumerate(batch.records) if at not in by_index),
    )


def _by_index(batch: Batch, refusals: Sequence[Refusal]) -> Mapping[int, list[Refusal]] | None:
    """Return the refusals by the place of the row that each names; None where not all of them name one."""
    by_index: defaultdict[int, list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        by_index[-1 if refusal.index is None else refusal.index].append(refusal)
    return by_index if by_index and all(0 <= index < len(batch) for index in by_index) else None


def _isolate(terms: Terms, batch: Batch, response: Response, refusals: Sequence[Refusal]) -> Ruling:
    """Tell the faulty rows of an atomic batch from the bystanders: by index where the answer has it, else by halves."""
    by_index = _by_index(batch, refusals)
    if by_index is None:
        settled = _all(batch, not_attempted("its batch was refused"))
        return Ruling(settled=settled, evidence=Verdict.ACCEPTED, again=_halves(batch), refusal=response)
    settled = [
        Settled(
            record.row,
            _rejected(terms, response, by_index[at])(record)
            if at in by_index
            else not_attempted("its batch was refused")(record),
        )
        for at, record in enumerate(batch.records)
    ]
    rest = [record for at, record in enumerate(batch.records) if at not in by_index]
    again = (Batch(rest),) if rest else ()
    return Ruling(settled=settled, evidence=Verdict.REFUSED, again=again, refusal=response)


def _too_large(terms: Terms, batch: Batch, response: Response) -> Ruling:
    if len(batch) == 1:
        refusals = terms.codec.refusals(response.body) or []
        return Ruling(settled=_all(batch, _rejected(terms, response, refusals)), evidence=Verdict.REFUSED)
    settled = _all(batch, not_attempted("its batch was too large"))
    return Ruling(settled=settled, evidence=Verdict.ACCEPTED, again=_halves(batch), shrink=True)


def _throttled(terms: Terms, batch: Batch, _response: Response) -> Ruling:
    halt = UnreachableError(
        f"{terms.provider.name} has answered 429 to every attempt for a long time",
        hint="somebody else uses up the token's budget; wait or use --share, then run the same command again",
    )
    return Ruling(settled=_all(batch, not_attempted("throttled")), evidence=Verdict.THROTTLED, halt=halt)


def _unauthorized(terms: Terms, batch: Batch, response: Response) -> Ruling:
    settled = _all(batch, not_attempted("the credentials were not accepted"))
    return Ruling(settled=settled, evidence=Verdict.UNAUTHORIZED, halt=unauthorized(terms.provider, response))


def _misdirected(terms: Terms, batch: Batch, response: Response) -> Ruling:
    ruling = lost(batch, f"answered by a redirect (status {response.status})")
    halt = UnreachableError(
        f"{terms.provider.name} answered with a redirect (status {response.status}) in the middle of the run",
        hint="look at the in-doubt file; when the API is back at its address, the same command goes on",
    )
    return replace(ruling, evidence=Verdict.MISDIRECTED, halt=halt)


def _unknown(_terms: Terms, batch: Batch, response: Response) -> Ruling:
    return lost(batch, f"status {response.status}: {excerpt(response)}")


_Rule: TypeAlias = Callable[[Terms, Batch, Response], Ruling]
_RULES: Final[Mapping[Verdict, _Rule]] = {
    Verdict.ACCEPTED: _accepted,
    Verdict.REFUSED: _refused,
    Verdict.FORBIDDEN: _refused,
    Verdict.TOO_LARGE: _too_large,
    Verdict.THROTTLED: _throttled,
    Verdict.UNAUTHORIZED: _unauthorized,
    Verdict.MISDIRECTED: _misdirected,
    Verdict.UNKNOWN: _unknown,
}


# --- small parts ------------------------------------------------------------------------------------------------


def _rejected(terms: Terms, response: Response, refusals: Sequence[Refusal]) -> _Outcome:
    faults = tuple(
        Fault(
            code=refusal.code,
            error=refusal.error,
            field=refusal.field,
            column=terms.columns.get(refusal.field or ""),
        )
        for refusal in refusals
    ) or (Fault(code=f"status_{response.status}", error=f"refused with status {response.status}"),)
    return lambda record: Rejected(record.row.offset, record.row.line, faults)


def _halves(batch: Batch) -> tuple[Batch, ...]:
    if len(batch) < SINGLY_BELOW:
        return tuple(Batch([record]) for record in batch.records)
    middle = len(batch) // 2
    return Batch(batch.records[:middle]), Batch(batch.records[middle:])
