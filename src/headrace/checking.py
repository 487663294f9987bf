"""Checking: an import's intake from end to end, offline. Every fault of every row, and nothing sent."""

from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from headrace.importfile import ImportSpec, check_import
from headrace.intake import Intake
from headrace.intake.first import first_rows
from headrace.loads import MissingSpec
from headrace.model import Fault, Invalid, Settled
from headrace.provider import Provider
from headrace.sources import intake_over, open_of


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
            source = open_of(load, provider, limit)
            resources.callback(source.close)
            intake, before = intake_over(load, provider, source, attachments), len(faults)
            for chunk in first_rows(source.chunks(), None if isinstance(load, MissingSpec) else limit):
                sifted = intake.sift(chunk, intake.rows(chunk))
                rows += len(chunk.rows)
                valid += len(sifted.records)
                faults += located(intake, sifted.invalid)
            if isinstance(load, MissingSpec) and len(faults) > before:
                notices.append(f"{load.title}: which names are there cannot be known offline, so all were judged")
            notices += intake.idle()
            notices += [f"{source.name}: no row has the column '{name}'" for name in sorted(intake.unseen())]
    return Checked(rows=rows, valid=valid, faults=faults, notices=notices)


def located(intake: Intake, invalid: list[Settled]) -> list[Located]:
    """Return every fault of the `invalid` rows of an intake, one by one. Columns of names are in no file."""
    return [
        Located(*intake.place(one.row), fault if intake.stands_for is None else replace(fault, column=None))
        for one in invalid
        if isinstance(one.outcome, Invalid)
        for fault in one.outcome.errors
    ]
