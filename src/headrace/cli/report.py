"""The report on an import: how many rows ended how, where the files are, why rows were refused, what to do next."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from rich.text import Text

from headrace.cli.failure import described
from headrace.cli.faultlist import REFERENCES, Finding, grouped, lines
from headrace.cli.screen import aligned, plain
from headrace.cli.text import clock, count
from headrace.errors import HeadraceError, InterruptionError, SourceError, StoppedError
from headrace.importfile import recorded
from headrace.intake.rule import read_rules
from headrace.ledger.rejects import Reject, RejectFile
from headrace.ledger.summary import LoadSummary, Summary
from headrace.ledger.view import read
from headrace.loads import ROWS
from headrace.model import Counts, Fault

_ALWAYS: Final = ("rows", "done", "rejected", "invalid", "in_doubt")
_NAMES: Final = tuple(Counts.__struct_fields__)
_STYLES: Final = {"done": "green", "rejected": "red", "invalid": "red", "in_doubt": "yellow", "duplicated": "yellow"}
_MOST_GROUPS: Final = 12
"""Kinds of faults that are told; the files have them all."""
_BETWEEN: Final = "; "
_TAKEN_OUT: Final = "next: rows that were taken out of *.rejects.csv are still refused; `headrace run` lists them anew"


def as_json(summary: Summary, reason: HeadraceError | None) -> Any:
    """Return the summary with the keys of `--json`; where something went wrong, `error` says what."""
    facts: dict[str, Any] = msgspec.to_builtins(summary)
    is_wrong = reason is not None and not isinstance(reason, (InterruptionError, StoppedError))
    return facts | {"error": described(reason)} if reason is not None and is_wrong else facts


def results_beside(checkpoint: Path) -> Path:
    """Return the results folder of `checkpoint`."""
    return checkpoint.with_name(f"{checkpoint.stem}.results")


def summary_lines(summary: Summary, *, is_over: bool = True) -> Iterator[Text]:
    """Yield the report for people; while the import goes on, without what there is to do afterwards."""
    yield from counts_lines(summary)
    if is_over and summary.checkpoint is not None:
        results = results_beside(Path(summary.checkpoint))
        yield from _refusals(results, summary)
        yield from _next_steps(results, summary)


def counts_lines(summary: Summary) -> Iterator[Text]:
    """Yield the counts of every load and of all together."""
    spent = f"{count(summary.requests, 'request')} in {clock(summary.seconds)}"
    throttled = f", {summary.throttled} of them answered with 429" if summary.throttled else ""
    head = f"{summary.import_name} into {summary.provider}"
    yield plain(f"{head}: {spent}{throttled}" if summary.requests else head, "bold")
    shown = [name for name in _NAMES if name in _ALWAYS or getattr(summary, name)]
    header: list[Text | str] = ["", *(name.replace("_", " ") for name in shown)]
    rows = [_row(load.name, load, shown) for load in summary.loads]
    total = [_row("all", summary, shown)] if len(summary.loads) > 1 else []
    yield from aligned([header, *rows, *total], right=frozenset(range(1, len(header))))


def _row(title: str, counted: Summary | LoadSummary, names: list[str]) -> list[Text | str]:
    return [title, *(_number(getattr(counted, name), _STYLES.get(name, "")) for name in names)]


def _number(number: int, style: str) -> Text:
    return plain(f"{number:,}", style if number else "dim")


# --- why rows were refused --------------------------------------------------------------------------------------


def _refusals(results: Path, summary: Summary) -> Iterator[Text]:
    """Yield the kinds of faults in the reject files."""
    columns, sources = _columns(summary)
    for load, file in _reject_files(results, summary):
        yield plain("")
        yield plain(f"{count(load.rejected + load.invalid, 'row')} of {load.name} refused:", "bold")
        groups = grouped(_findings(sources[load.name], file, columns[load.name]))
        for group in groups[:_MOST_GROUPS]:
            yield from lines(group)
        if len(groups) > _MOST_GROUPS:
            yield plain(f"and {count(len(groups) - _MOST_GROUPS, 'more kind')} of fault")


def _reject_files(results: Path, summary: Summary) -> Iterator[tuple[LoadSummary, Path]]:
    """Yield the loads of which rows were refused, and the files that hold these."""
    for load in summary.loads:
        file = results / f"{load.name}.rejects.csv"
        if (load.rejected or load.invalid) and file.exists():
            yield load, file


def _columns(summary: Summary) -> tuple[Mapping[str, Mapping[str, str]], Mapping[str, str]]:
    """Return for each load which column fills a field, where it has another name than the field, and its source.

    What a program gave has no name of its own, and is called by the load's.
    """
    with read(Path(str(summary.checkpoint))) as view:
        loads = recorded(view.definition).in_order
    columns = {
        load.title: {field: rule.column for field, rule in read_rules(load.fields).items() if rule.column}
        for load in loads
    }
    return columns, {load.title: load.title if load.source == ROWS else load.source for load in loads}


def _findings(source: str, file: Path, columns: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the faults in a reject file of the rows of `source`; one that cannot be read has none to tell.

    `columns` are those that fill fields of other names.
    """
    try:
        rejects = RejectFile(file)
        places = {name: place for place, name in enumerate(rejects.columns)}
        for reject in rejects:
            for fault in _faults(reject):
                column = columns.get(fault.field or "", fault.field)
                place = places.get(column or "", len(reject.cells))
                value = reject.cells[place] if fault.code in REFERENCES and place < len(reject.cells) else None
                yield Finding(source, reject.line, replace(fault, column=column if value else None, value=value))
    except SourceError:
        return


def _faults(reject: Reject) -> Iterator[Fault]:
    """Yield the faults of a row: fields and codes stand in the same order; sentences may hold the separator."""
    fields, codes, errors, hints = reject.own
    names, words = fields.split(_BETWEEN), codes.split(_BETWEEN)
    sentences = errors.split(_BETWEEN) if errors.count(_BETWEEN) == len(words) - 1 else [errors] * len(words)
    # A record that somebody has added to the file has no reason.
    for name, word, sentence in zip(names, words, sentences, strict=False) if codes else ():
        yield Fault(code=word, field=name or None, error=sentence, hint=hints or None if len(words) == 1 else None)


# --- what to do next --------------------------------------------------------------------------------------------


def _next_steps(results: Path, summary: Summary) -> Iterator[Text]:
    yield plain("")
    yield plain(f"the files: {results}/")
    if summary.rejected or summary.invalid:
        again = shlex.join(["headrace", "retry", str(summary.checkpoint)])
        is_listed = any(_reject_files(results, summary))
        yield plain(f"next: correct the rows in *.rejects.csv there, then  {again}" if is_listed else _TAKEN_OUT)
    if summary.in_doubt:
        yield plain("in doubt: sent, and no answer came; look them up before you send them again (*.in-doubt.csv)")
