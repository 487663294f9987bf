"""The resources of Bezala as the sandbox plays them, and the fixture.

users 11 … 13 · cost centers 501 Apollo, 502 Gemini · tasks 1001 Bookkeeping (501), 1002 Design (502)
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from headrace.sandbox.jsonapi.checks import COUNT, DATE, NUMBERS, TEXT, TIME, Check, integer, word
from headrace.sandbox.plain.kind import Draft, Fault, Kind
from headrace.sandbox.store import Record

_TRUTHS: Final = ("true", "false", "1", "0")


def _no_truth(value: Any) -> str | None:
    """Return what is wrong with a value that is none of those that the pages name."""
    is_one = value in {0, 1} if isinstance(value, int) else value in _TRUTHS
    return None if is_one else "Must be one of: true, false, 1, 0."


BOOLEAN: Final = Check(_no_truth)


def _of_center(record: Record, text: str) -> bool:
    return record.links.get("cost_center_id") == int(text)


def _in_state(record: Record, text: str) -> bool:
    if text not in {"in_progress", "completed", "not_started"}:
        raise ValueError(text)
    return str(record.attributes.get("state", "in_progress")) == text


def _named(record: Record, text: str) -> bool:
    return text.lower() in str(record.attributes.get("name") or record.attributes.get("description") or "").lower()


def _from(record: Record, text: str) -> bool:
    return str(record.attributes.get("date")) >= date.fromisoformat(text).isoformat()


def _until(record: Record, text: str) -> bool:
    return str(record.attributes.get("date")) <= date.fromisoformat(text).isoformat()


def _in_order(draft: Draft) -> Iterator[Fault]:
    start, end = draft.value("start_date"), draft.value("end_date")
    if start and end and end < start:
        yield Fault("end_date", "must be after start date")


COST_CENTERS: Final = Kind(
    type="cost_centers",
    root="cost_center",
    attributes={
        "name": TEXT,
        "dimension_name": TEXT,
        "assignee_ids": NUMBERS,
        "deactivated": BOOLEAN,
        "send_to_accounting": BOOLEAN,
        "external_id": TEXT,
    },
    required=("name",),
)
TASKS: Final = Kind(
    type="tasks",
    root="task",
    attributes={
        "name": TEXT,
        "notes": TEXT,
        "start_date": DATE,
        "end_date": DATE,
        "state": word("in_progress", "completed", "not_started"),
        "external_id": TEXT,
        "monthly_limit_minutes": COUNT,
        "is_time_limit_hard": BOOLEAN,
        "is_billable": BOOLEAN,
        "billable_amount_cents": COUNT,
        "billable_amount_currency": TEXT,
        "billable_amount_unit": word("hour", "day", "fixed"),
    },
    links={"cost_center_id": "cost_centers"},
    required=("name",),
    always=("name",),
    defaults={
        "state": "in_progress",
        "is_time_limit_hard": False,
        "is_billable": False,
        "billable_amount_cents": 0,
        "billable_amount_currency": "EUR",
        "billable_amount_unit": "hour",
    },
    filters={"cost_center_id": _of_center, "state": _in_state, "q": _named},
    rules=(_in_order,),
)
TIME_ENTRIES: Final = Kind(
    type="time_entries",
    root="time_entry",
    attributes={
        "date": DATE,
        "description": TEXT,
        "minutes": integer(above=0),
        "billable_minutes": COUNT,
        "start_time": TIME,
        "entry_type": TEXT,
        "external_id": TEXT,
    },
    links={"task_id": "tasks", "user_id": "users"},
    required=("task_id", "date", "description", "minutes"),
    filters={"start_date": _from, "end_date": _until, "q": _named},
)
KINDS: Final[Mapping[str, Kind]] = {kind.type: kind for kind in (COST_CENTERS, TASKS, TIME_ENTRIES)}

FIXTURE: Final[Mapping[str, list[dict[str, Any]]]] = {
    "cost_centers": [{"id": 501, "name": "Apollo"}, {"id": 502, "name": "Gemini", "external_id": "G-2"}],
    "tasks": [
        {"id": 1001, "name": "Bookkeeping", "cost_center_id": 501, "external_id": "42"},
        {"id": 1002, "name": "Design", "cost_center_id": 502},
    ],
}
