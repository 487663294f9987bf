"""The reports of Productive: totals of minutes by group. The rest of the report names exists and is empty."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from headrace.sandbox.api import Context
from headrace.sandbox.jsonapi import problems
from headrace.sandbox.jsonapi.filters import predicate_of
from headrace.sandbox.jsonapi.kind import words
from headrace.sandbox.jsonapi.listing import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from headrace.sandbox.message import Call
from headrace.sandbox.productive.time import TIME_ENTRIES
from headrace.sandbox.store import Record, Store

NAMES: Final = frozenset(
    f"{name}_reports"
    for name in words(
        "automation booking budget company deal_funnel deal entitlement expense financial_item invoice line_item page "
        "payment payroll_item person price project proposal resource_request salary service survey task time_entry "
        "time timesheet"
    )
)


def _project_of(record: Record, store: Store) -> Any:
    service = store.get("services", _link(record, "service"))
    deal = store.get("deals", _link(service, "deal") if service else 0)
    return _link(deal, "project") if deal else 0


def _link(record: Record, name: str) -> int:
    link = record.links.get(name)
    return link if isinstance(link, int) else 0


_GROUPS: Final[Mapping[str, Callable[[Record, Store], Any]]] = {
    "person": lambda record, _: _link(record, "person"),
    "service": lambda record, _: _link(record, "service"),
    "task": lambda record, _: _link(record, "task"),
    "project": _project_of,
    "date": lambda record, _: record.attributes.get("date"),
}


def report(call: Call, name: str, context: Context) -> dict[str, Any]:
    """Return one page of a report. Raises 404 for an unknown name, 400 for a group that is missing or unknown."""
    if name not in NAMES:
        raise problems.not_found()
    params = dict(call.params)
    group = params.get("group", "")
    if group not in _GROUPS:
        raise problems.unsupported("Group", f"Group by '{group}'")
    totals = _totals(call, group, context.store) if name in {"time_reports", "time_entry_reports"} else {}
    size = min(MAX_PAGE_SIZE, max(1, _number(params.get("page[size]"), DEFAULT_PAGE_SIZE)))
    number = max(1, _number(params.get("page[number]"), 1))
    rows = list(totals.items())[(number - 1) * size : number * size]
    return {
        "data": [_row(name, group, key, total) for key, total in rows],
        "meta": {
            "current_page": number,
            "total_pages": math.ceil(len(totals) / size),
            "total_count": len(totals),
            "page_size": size,
            "max_page_size": MAX_PAGE_SIZE,
        },
    }


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else default


def _totals(call: Call, group: str, store: Store) -> dict[Any, list[int]]:
    """Return, by the group's value, how many entries there are, and their minutes worked and billable."""
    predicate = predicate_of(call, TIME_ENTRIES)
    totals: dict[Any, list[int]] = {}
    for record in store.table("time_entries").values():
        if predicate is None or predicate(record):
            total = totals.setdefault(_GROUPS[group](record, store), [0, 0, 0])
            total[0] += 1
            total[1] += record.attributes["time"]
            total[2] += record.attributes.get("billable_time") or 0
    return totals


def _row(name: str, group: str, key: Any, total: list[int]) -> dict[str, Any]:
    count, worked, billable = total
    return {
        "id": f"{group}-{key}",
        "type": name,
        "attributes": {
            "group": group,
            f"{group}_id" if group != "date" else "date": str(key),
            "count": count,
            "total_worked_time": worked,
            "total_billable_time": billable,
        },
    }
