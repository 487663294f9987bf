"""Checking: an import's intake from end to end, offline. Every fault of every row, and nothing sent."""

from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from headrace.attaching import completion
from headrace.importfile import ImportSpec, check_import
from headrace.intake.first import first_rows
from headrace.model import Fault, Invalid, Settled
from headrace.passage import intake_of, open_of, resource_of
from headrace.provider import Provider


class Located(Struct, frozen=True):
    """One fault and where it is: the source's name and the 1-based line its row starts on."""

    file: str
    line: int
    fault: Fault


class Checked(Struct, frozen=True, kw_only=True):
    """What checking found: how many rows there are and how many of them are valid, and every fault.

    `notices` are sentences about what is probably not meant, such as a column that nothing takes.
    """

    rows: int
    valid: int
    faults: list[Located]
    notices: list[str]

    @property
    def invalid(self) -> int:
        """How many rows have at least one fault."""
        return self.rows - self.valid


def check(
    spec: ImportSpec, provider: Provider, *, limit: int | None = None, attachments: str | Path | None = None
) -> Checked:
    """Read and judge every row (of each source the first `limit`) as a run would, files below `attachments` included.

    References are taken to be right: they cannot be known offline. Raises `SourceError` or `UsageError` where a source
    or a mapping is wrong as a whole.
    """
    check_import(spec, provider)
    rows = valid = 0
    faults: list[Located] = []
    notices: list[str] = []
    with ExitStack() as resources:
        for load in spec.in_order:
            source = open_of(load)
            resources.callback(source.close)
            complete = completion(resource_of(load, provider), load.operation, attachments)
            intake = intake_of(
                load, provider, source=source.name, has_open_columns=source.has_open_columns, complete=complete
            )
            for chunk in first_rows(source.chunks(), limit):
                sifted = intake.sift(chunk, intake.rows(chunk))
                rows += len(chunk.rows)
                valid += len(sifted.records)
                faults += located(source.name, sifted.invalid)
            notices += intake.idle()
            notices += [f"{source.name}: no row has the column '{name}'" for name in sorted(intake.unseen())]
    return Checked(rows=rows, valid=valid, faults=faults, notices=notices)


def located(file: str, invalid: list[Settled]) -> list[Located]:
    """Return every fault of `invalid` rows of the source called `file`, one by one."""
    return [
        Located(file, one.outcome.line, fault)
        for one in invalid
        if isinstance(one.outcome, Invalid)
        for fault in one.outcome.errors
    ]
