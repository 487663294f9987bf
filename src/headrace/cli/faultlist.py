"""Faults as people read them: the same fault of many rows is told once, with its first place and how often."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct
from rich.text import Text

from headrace.cli.screen import plain
from headrace.cli.text import clean, count, shortened
from headrace.model import Fault

REFERENCES: Final = frozenset({"unknown_reference", "ambiguous_reference"})
"""The codes of faults that are about a name."""
_MOST_NAMES: Final = 20
"""Names of one column that people are told."""
_PLACES: Final = 5
"""Further lines that are named of a fault that many rows share."""


class Finding(Struct, frozen=True):
    """One fault and where it is: `file` as given, `line` 1-based."""

    file: str
    line: int
    fault: Fault


class Name:
    """A name that leads to no record, or to several. Mutable state: in how many rows it stands."""

    def __init__(self, first: Finding) -> None:
        self.first = first
        self.count = 0


class Group:
    """The rows that share a fault. Mutable state: the first of them, how many, the lines of a few more, and the names.

    `names` are those that the fault is about, where it is about names, each once.
    """

    def __init__(self, first: Finding) -> None:
        self.first = first
        self.count = 0
        self.lines: list[int] = []
        self.names: dict[str, Name] = {}

    def add(self, finding: Finding) -> None:
        """Count one more row."""
        self.count += 1
        if self.count > 1 and len(self.lines) < _PLACES:
            self.lines.append(finding.line)
        if finding.fault.code in REFERENCES and finding.fault.value is not None:
            self.names.setdefault(finding.fault.value, Name(finding)).count += 1


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Return the findings by file, column and kind of fault, in the order of their first place."""
    groups: dict[tuple[str, str | None, str | None, str], Group] = {}
    for finding in findings:
        key = (finding.file, finding.fault.column, finding.fault.field, finding.fault.code)
        groups.setdefault(key, Group(finding)).add(finding)
    return list(groups.values())


def lines(group: Group) -> Iterator[Text]:
    """Yield one group as a compiler would tell it: place, complaint, value, how often, remedy."""
    fault = group.first.fault
    yield Text.assemble(
        (f"error[{clean(fault.code)}]", "bold red"),
        plain(f" {group.first.file}:{group.first.line}", "bold"),
        plain(f"{_subject(fault)}: {fault.error}"),
    )
    if len(group.names) > 1:
        yield from _names(group)
        return
    if fault.value is not None:
        yield Text.assemble(("  | ", "blue"), plain(shortened(fault.value, 100)))
    if group.count > 1:
        yield plain(f"  = {_rows(group)}")
    if fault.hint:
        yield Text.assemble(("  help: ", "cyan"), plain(fault.hint))


def _names(group: Group) -> Iterator[Text]:
    """Yield the names of a group, those of most rows first, each with its own remedy."""
    names = sorted(group.names.values(), key=lambda one: (-one.count, one.first.line))
    for one in names[:_MOST_NAMES]:
        where = f"line {one.first.line}" if one.count == 1 else f"{one.count:,} rows, first at line {one.first.line}"
        yield Text.assemble(("  | ", "blue"), plain(f"{shortened(one.first.fault.value or '', 60)}  "), (where, "dim"))
        if one.first.fault.hint:
            yield Text.assemble(("    help: ", "cyan"), plain(one.first.fault.hint))
    if len(names) > _MOST_NAMES:
        yield plain(f"  and {len(names) - _MOST_NAMES:,} more names; --json lists them")


def _subject(fault: Fault) -> str:
    """Return the column and the field that the fault is about, as `"Day" -> date`."""
    column = None if fault.column is None else f'"{fault.column}"'
    if column and fault.field and fault.field != fault.column:
        return f" {column} -> {fault.field}"
    return f" {column or fault.field}" if column or fault.field else ""


def _rows(group: Group) -> str:
    also = ", ".join(map(str, group.lines))
    more = group.count - 1 - len(group.lines)
    rest = f" and {more:,} more" if more else ""
    return f"{count(group.count, 'row')}, first at line {group.first.line}; also {also}{rest}"
