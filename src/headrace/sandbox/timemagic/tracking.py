"""The events of a task: what each makes of it, or why it cannot be. A task that is tracked names its running entry."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from headrace.sandbox.plain.kind import Fault
from headrace.sandbox.plain.routes import stamp
from headrace.sandbox.store import Record, Store

Event: TypeAlias = Callable[[Record, Store, float], Fault | None]

MOST_TRACKED: Final = 2
RUNNING: Final = "running"


def _start(task: Record, store: Store, now: float) -> Fault | None:
    others = [other for other in store.table("tasks").values() if other.links.get(RUNNING)]
    if task.links.get(RUNNING) or _status(task) in {"completed", "archived"}:
        return _impossible("start_tracking", task)
    if len(others) >= MOST_TRACKED:
        return Fault("base", f"No more than {MOST_TRACKED} tasks can be tracked at a time")
    entry = store.place(
        "time_entries", {"begin_time": stamp(now), "resource_type": "task"}, {"resource_id": task.id}, now
    )
    task.links[RUNNING] = entry.id
    _become("in_progress", task, now)
    return None


def _start_untracked(task: Record, _: Store, now: float) -> Fault | None:
    if _status(task) != "pending":
        return _impossible("start_without_tracking", task)
    _become("in_progress", task, now)
    return None


def _stop(task: Record, store: Store, now: float) -> Fault | None:
    if _status(task) != "in_progress":
        return _impossible("stop_tracking", task)
    _close(task, store, now)
    _become("pending", task, now)
    return None


def _finish(task: Record, store: Store, now: float) -> Fault | None:
    if _status(task) in {"completed", "archived"}:
        return _impossible("finish", task)
    _close(task, store, now)
    _become("completed", task, now)
    return None


EVENTS: Final[Mapping[str, Event]] = {
    "start_tracking": _start,
    "start_without_tracking": _start_untracked,
    "stop_tracking": _stop,
    "finish": _finish,
}


def _status(task: Record) -> str:
    return str(task.attributes.get("status", "pending"))


def _become(status: str, task: Record, now: float) -> None:
    task.attributes["status"] = status
    task.updated_at = now


def _impossible(event: str, task: Record) -> Fault:
    return Fault("status", f"Event '{event}' cannot transition from '{_status(task)}'")


def _close(task: Record, store: Store, now: float) -> None:
    """Close the entry that runs, if one does."""
    running = task.links.pop(RUNNING, None)
    entry = store.get("time_entries", running) if isinstance(running, int) else None
    if entry is not None:
        entry.attributes["end_time"] = stamp(now)
