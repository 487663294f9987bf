"""Checking: every fault of every row of an import, told grouped for people or complete for machines."""

import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from headrace.checking import Checked, Located, check
from headrace.cli import terminal
from headrace.cli.choices import DataFile
from headrace.cli.faultlist import Finding, grouped, lines
from headrace.cli.reading import what_to_import
from headrace.cli.screen import plain, show
from headrace.cli.text import clean, count

_SOME_INVALID: Final = 3


def examine(file: str, how: DataFile, limit: int | None, attachments: Path | None, *, as_json: bool) -> int:
    """Check `file`, print what is wrong, and return 0 or 3. Raises `UsageError` or `SourceError`."""
    spec, provider = what_to_import(file, how)
    checked = check(spec, provider, limit=limit, attachments=attachments)
    if as_json:
        terminal.emit(_facts(checked))
    else:
        show(*_report(checked))
    return _SOME_INVALID if checked.invalid else 0


def _facts(checked: Checked) -> Any:
    return {
        "rows": checked.rows,
        "valid": checked.valid,
        "invalid": checked.invalid,
        "errors": errors(checked.faults),
    }


def errors(faults: Iterable[Located]) -> list[dict[str, Any]]:
    """Return faults as `--json` tells them."""
    return [
        {
            "file": located.file,
            "line": located.line,
            "column": located.fault.column,
            "field": located.fault.field,
            "code": located.fault.code,
            "value": located.fault.value,
            "error": located.fault.error,
            "hint": located.fault.hint,
        }
        for located in faults
    ]


def findings(faults: Iterable[Located]) -> Iterator[Finding]:
    """Return faults as `faultlist` takes them."""
    return (Finding(one.file, one.line, one.fault) for one in faults)


def fault_lines(faults: Iterable[Located]) -> Iterator[Text]:
    """Yield faults for people, the same fault of many rows as one."""
    for group in grouped(findings(faults)):
        yield from lines(group)
        yield plain("")


def _report(checked: Checked) -> Iterator[Text]:
    yield from fault_lines(checked.faults)
    if checked.invalid:
        yield plain(f"{count(checked.rows, 'row')}: {checked.valid:,} valid, {checked.invalid:,} invalid", "bold")
        yield plain("next: repair the file; or run it: invalid rows are left out and listed", "dim")
    else:
        yield plain(f"{count(checked.rows, 'row')}, all valid", "bold green")
        again = shlex.join(["headrace", "run", *sys.argv[2:]])  # with --to and the like, which it cannot do without
        yield plain(f"next: {clean(again)}", "dim")
    for notice in checked.notices:
        yield plain(f"note: {clean(notice)}", "yellow")
