"""The lines of the results files: what is said of a row beside its own cells."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from headrace.ledger.faults import FaultRecord
from headrace.ledger.packing import Detail, State, unpack_detail
from headrace.ledger.sheet import KIND_OF, Kind, Line
from headrace.model import Done, Duplicated, Fault, InDoubt, Invalid, Outcome, Rejected, Row, Settled

_BETWEEN: Final = "; "


class Exceptional(Struct, frozen=True, gc=False):
    """A row with an outcome other than done: the number of the row, its state, and the id of its fault record."""

    settled: Settled
    number: int
    state: State
    fault: int


def lines_of(
    settled: Sequence[Settled], numbers: Sequence[int], exceptional: Sequence[Exceptional], columns: tuple[str, ...]
) -> list[Line]:
    """Return the lines of the rows that are done, of `settled`, and of those that are `exceptional` and listed."""
    done = [
        Line(Kind.SUCCESS, columns, one.row.cells, (one.outcome.remote_id,), number)
        for one, number in zip(settled, numbers, strict=True)
        if type(one.outcome) is Done
    ]
    others = [
        line_for(one.settled, one.state, columns, number=one.number, fault=one.fault)
        for one in exceptional
        if one.state in KIND_OF
    ]
    return [*done, *others]


def line_for(settled: Settled, state: State, columns: tuple[str, ...], *, number: int, fault: int | None) -> Line:
    """Return the line that tells of an outcome which a file lists."""
    row = settled.row
    return Line(KIND_OF[state], columns, row.cells, _own(row.line, settled.outcome), number, fault)


def line_again(row: Row, fault: FaultRecord, columns: tuple[str, ...]) -> Line:
    """Return the line of a row whose outcome was recorded by an earlier run."""
    own = _own_again(row.line, fault.state, unpack_detail(fault.detail))
    return Line(KIND_OF[fault.state], columns, row.cells, own, fault.number, fault.id)


def _own(line: int, outcome: Outcome) -> tuple[str, ...]:
    """Return the values of our columns."""
    match outcome:
        case Done(remote_id=remote_id):
            return (remote_id,)
        case Rejected(errors=errors) | Invalid(errors=errors):
            return (str(line), *_columns_of(errors))
        case InDoubt(why=why):
            return (str(line), why)
        case Duplicated(remote_ids=ids):
            return (str(line), _BETWEEN.join(ids))
    raise AssertionError(outcome)


def _own_again(line: int, state: State, detail: Detail) -> tuple[str, ...]:
    """Return the values of our columns from what was recorded."""
    match state:
        case State.IN_DOUBT:
            return (str(line), detail.why)
        case State.DUPLICATED:
            return (str(line), _BETWEEN.join(detail.ids))
    return (str(line), *_columns_of(detail.errors))


def _columns_of(errors: Sequence[Fault]) -> tuple[str, str, str, str]:
    """Return field, code, error and hint of all faults of a row, each joined. Fields keep their places."""
    return (
        _BETWEEN.join(error.field or error.column or "" for error in errors),
        _BETWEEN.join(error.code for error in errors),
        _BETWEEN.join(error.error for error in errors),
        _BETWEEN.join(error.hint for error in errors if error.hint),
    )
