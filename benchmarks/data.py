"""Data: files of time entries as people have them, made anew for each run and the same every time.

Nine columns, about 178 bytes a row, some rows with quotes and some with letters outside ASCII. The ids are those of
the sandbox's fixture, so that the sandbox takes the rows.
"""

import csv
import gzip
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Final, TextIO

import orjson

RESOURCE: Final = "time_entries"
PEOPLE: Final = range(201, 207)
SERVICES: Final = range(901, 906)
TASKS: Final = range(1001, 1004)

_NEW_YEAR: Final = date(2025, 1, 1)
_NOTES: Final = (
    "Reviewed the migration plan with the team and wrote down what is still open",
    "Fixed the invoice export, tests included; waits for review by accounting",
    "Prepared the workshop in the client's office and sent the agenda around",
    "Call with the supplier about the delivery dates of the second batch of parts",
)
_QUOTED: Final = 'Said "not before Friday", so the release moves, again, to next week'
_FOREIGN: Final = "Besprechung über Größe und Rückläufer, café inklusive — naïve Annahmen geprüft"


def entries(count: int) -> Iterator[dict[str, str]]:
    """Yield time entries as a spreadsheet would hold them: every cell is text."""
    for number in range(count):
        minutes = str(15 + number % 450)
        yield {
            "date": (_NEW_YEAR + timedelta(days=number % 330)).isoformat(),
            "time": minutes,
            "person_id": str(PEOPLE[number % len(PEOPLE)]),
            "service_id": str(SERVICES[number % len(SERVICES)]),
            "task_id": str(TASKS[number % len(TASKS)]),
            "note": f"{_note(number)} #{number}",
            "billable_time": minutes,
            "jira_issue_id": f"ACME-{number % 9973}",
            "jira_issue_summary": f"Milestone {number % 97}: prepare the hand-over",
        }


def _note(number: int) -> str:
    """Return the note of a row: 6 % need quotes, 3 % have letters outside ASCII."""
    if number % 17 == 0:
        return _QUOTED
    return _FOREIGN if number % 33 == 0 else _NOTES[number % len(_NOTES)]


def write_csv(path: Path, rows: Iterator[dict[str, str]]) -> Path:
    """Write `rows` as CSV, gzipped where the name says so; return `path`."""
    with _opened(path) as file:
        first = next(rows)
        writer = csv.writer(file)
        writer.writerow(first)
        writer.writerow(first.values())
        writer.writerows(row.values() for row in rows)
    return path


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="utf-8", newline="", compresslevel=6)
    return path.open("w", encoding="utf-8", newline="")


def write_json_lines(path: Path, rows: Iterator[Mapping[str, str]]) -> Path:
    """Write `rows` as JSON Lines; return `path`."""
    with path.open("wb") as file:
        file.writelines(orjson.dumps(row) + b"\n" for row in rows)
    return path


def write_json(path: Path, rows: Iterator[Mapping[str, str]]) -> Path:
    """Write `rows` as one JSON array; return `path`."""
    with path.open("wb") as file:
        file.write(b"[" + orjson.dumps(next(rows)))
        file.writelines(b",\n" + orjson.dumps(row) for row in rows)
        file.write(b"]\n")
    return path


def write_parents(path: Path, count: int) -> Path:
    """Write `count` tasks that other rows refer to by the column `no`; return `path`."""
    tasks = ({"no": f"T{number}", "title": f"Task {number}", **_PLACE} for number in range(count))
    return write_csv(path, tasks)


_PLACE: Final = {"project_id": "501", "task_list_id": "701"}


def write_children(path: Path, count: int) -> Path:
    """Write `count` time entries, each on a task of `write_parents` of as many, in another order; return `path`."""
    # 7919 is prime: a step through all tasks that leaves no two neighbours together.
    rows = (row | {"task_id": f"T{number * 7919 % count}"} for number, row in enumerate(entries(count)))
    return write_csv(path, rows)
