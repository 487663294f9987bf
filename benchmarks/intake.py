"""Intake: what each stage from a file to records costs, and each format, beside what others would write by hand."""

import csv
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
from benchmarks.journey import PROVIDER
from benchmarks.measure import Case, Table, compare, timed
from benchmarks.options import Options

from benchmarks import data
from headrace.intake import Intake, open_source
from headrace.model import Chunk

ABOUT: Final = "from a file of time entries to records, one process, no network; baseline: csv.reader, rows thrown away"

_LINKS: Final = {"person_id": "people", "service_id": "services", "task_id": "tasks"}
_RESOURCE: Final = PROVIDER.resource(data.RESOURCE)
assert _RESOURCE is not None, "Productive has time entries"
_BATCH: Final = 100


def measure(options: Options) -> Table:
    """Write one file a format and measure every stage on it."""
    table = data.write_csv(options.folder / "rows.csv", data.entries(options.rows))
    packed = data.write_csv(options.folder / "rows.csv.gz", data.entries(options.rows))
    lines = data.write_json_lines(options.folder / "rows.jsonl", data.entries(options.rows))
    array = data.write_json(options.folder / "rows.json", data.entries(options.rows))
    works: dict[str, Callable[[], int]] = {
        "csv.reader, bare": lambda: _bare(table),
        "CSV: source": lambda: _chunks(table),
        "CSV: source, identity": lambda: _identified(table),
        "CSV: source, identity, mapping, validation": lambda: _sifted(table),
        "CSV: the same, and encoding": lambda: _encoded(table),
        "CSV, gzipped: source": lambda: _chunks(packed),
        "JSON Lines: source": lambda: _chunks(lines),
        "JSON Lines: source to validation": lambda: _sifted(lines),
        "JSON array: source": lambda: _chunks(array),
        "JSON array: source to validation": lambda: _sifted(array),
        "peer: DictReader, dicts, orjson, 100 a body, not validated": lambda: _by_hand(table),
    }
    cases = [Case(name, _timing(work)) for name, work in works.items()]
    return Table(name="intake", about=ABOUT, figures=compare(cases, options.rounds))


def _timing(work: Callable[[], int]) -> Callable[[], Any]:
    return lambda: timed(work)


def _bare(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def _source(path: Path) -> Iterator[Chunk]:
    return open_source(path).chunks()


def _chunks(path: Path) -> int:
    return sum(len(chunk.rows) for chunk in _source(path))


def _intake(path: Path) -> Intake:
    return Intake(_RESOURCE, has_open_columns=open_source(path).has_open_columns)


def _identified(path: Path) -> int:
    intake = _intake(path)
    return sum(len(intake.rows(chunk)) for chunk in _source(path))


def _sifted(path: Path) -> int:
    intake = _intake(path)
    return sum(len(intake.sift(chunk, intake.rows(chunk)).records) for chunk in _source(path))


def _encoded(path: Path) -> int:
    intake, codec, rows = _intake(path), PROVIDER.wire.codec(PROVIDER, _RESOURCE, "create"), 0
    for chunk in _source(path):
        values = [record.value for record in intake.sift(chunk, intake.rows(chunk)).records]
        codec.request(values, bulk=True)
        rows += len(values)
    return rows


# --- what is written by hand ------------------------------------------------------------------------------------


def _by_hand(path: Path) -> int:
    """Read, build and encode as most scripts do, without validation or identity."""
    rows = 0
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        while batch := [_document(row) for row in islice(reader, _BATCH)]:
            orjson.dumps({"data": batch})
            rows += len(batch)
    return rows


def _document(row: dict[str, str]) -> dict[str, Any]:
    attributes: dict[str, Any] = {name: cell for name, cell in row.items() if name not in _LINKS}
    attributes["time"] = int(row["time"])
    attributes["billable_time"] = int(row["billable_time"])
    related = {name.removesuffix("_id"): {"data": {"type": kind, "id": row[name]}} for name, kind in _LINKS.items()}
    return {"type": data.RESOURCE, "attributes": attributes, "relationships": related}
