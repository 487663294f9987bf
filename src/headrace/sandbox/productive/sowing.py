"""Sowing: reference records by the thousand for tests and benchmarks, given row by row or by count."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from headrace.sandbox.jsonapi.kind import Kind
from headrace.sandbox.productive.fixture import plant
from headrace.sandbox.store import Store

MAX_COUNT: Final = 1_000_000

_SHAPES: Final[Mapping[str, Callable[[int], dict[str, Any]]]] = {
    "people": lambda number: {
        "first_name": "Person",
        "last_name": str(number),
        "email": f"person.{number}@northwind.example",
        "role_id": 1,
        "company_id": 101,
    },
    "companies": lambda number: {"name": f"Company {number}", "company_code": f"C{number}"},
    "projects": lambda number: {
        "name": f"Project {number}",
        "project_type_id": 2,
        "company_id": 102,
        "project_manager_id": 201,
        "workflow_id": 728,
        "project_number": f"P{number}",
    },
    "folders": lambda number: {"name": f"Folder {number}", "project_id": 501},
    "task_lists": lambda number: {"name": f"List {number}", "project_id": 501, "folder_id": 601},
    "tasks": lambda number: {"title": f"Task {number}", "project_id": 501, "task_list_id": 701},
    "deals": lambda number: {
        "name": f"Budget {number}",
        "deal_type_id": 2,
        "company_id": 102,
        "responsible_id": 201,
        "date": "2026-01-01",
        "budget": True,
    },
    "services": lambda number: {"name": f"Service {number}", "deal_id": 801},
    "time_entries": lambda number: {
        "date": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "time": number % 480 + 1,
        "note": f"Entry {number}",
        "person_id": 201 + number % 6,
        "service_id": 901 + number % 5,
    },
}


def sow(store: Store, kinds: Mapping[str, Kind], name: str, wanted: object, now: float) -> list[str]:
    """Add reference records of a type: rows with flat ids, or a number of made-up ones. Returns their ids.

    Raises ValueError for an unknown type, an id that is taken, or a wish that is neither a list of rows nor a number.
    """
    kind = kinds.get(name)
    if kind is None:
        raise ValueError(f"there is no type {name}")
    return [str(plant(store, kind, row, now)) for row in _rows(name, wanted)]


def _rows(name: str, wanted: object) -> list[dict[str, Any]]:
    if isinstance(wanted, list) and all(isinstance(row, dict) for row in wanted):
        return wanted
    if not isinstance(wanted, int) or isinstance(wanted, bool) or not 0 <= wanted <= MAX_COUNT:
        raise ValueError(f"{name}: a list of rows is wanted, or a number of at most {MAX_COUNT}")
    shape = _SHAPES.get(name)
    return [shape(number) if shape else {"name": f"{name} {number}"} for number in range(1, wanted + 1)]
