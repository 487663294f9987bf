"""Repeating: what the answer to a request says that was sent before, and whose work may be done already."""

from typing import Final

from msgspec.structs import replace

from headrace.dispatch.judge import Ruling, Terms, lost
from headrace.model import Batch, Done, NotAttempted, Record, Rejected, Response, Settled
from headrace.provider import Verdict

UNANSWERED: Final = "sent, and not answered when it was repeated"
_GONE: Final = frozenset({404, 410})


def still_unknown(batch: Batch, ruling: Ruling) -> Ruling:
    """Return the ruling on a repetition: a sending that did nothing says nothing about the ones before it."""
    known = [one for one in ruling.settled if not isinstance(one.outcome, NotAttempted)]
    if ruling.again or known or ruling.unknown:
        return replace(ruling, settled=known)
    return replace(ruling, settled=[], unknown=tuple(batch.records), why=UNANSWERED)


def repeated(terms: Terms, batch: Batch, response: Response, ruling: Ruling) -> Ruling:
    """Return the ruling on the answer to a repetition, which may find its own work done already."""
    if response.status == 409 and terms.header is not None:  # the first sending is being executed
        return lost(batch, "the provider is still at it")
    if response.status not in _GONE or terms.operation != "delete" or not ruling.settled:
        return ruling
    records = {record.row.offset: record for record in batch.records}
    settled = [
        Settled(one.row, _gone(records[one.row.offset])) if isinstance(one.outcome, Rejected) else one
        for one in ruling.settled
    ]
    return replace(ruling, settled=settled, evidence=Verdict.ACCEPTED)


def _gone(record: Record) -> Done:
    """Return what a row is whose record an earlier sending has deleted."""
    return Done(record.row.offset, record.row.line, str(getattr(record.value, "id", "")), "readback")
