"""The actions of Productive: what is neither a plain create nor update. Projects page of 19 April 2024 (S004), FAQ."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from headrace.sandbox.api import Context
from headrace.sandbox.jsonapi import document, problems
from headrace.sandbox.jsonapi.checks import DATE
from headrace.sandbox.jsonapi.kind import Kind, To
from headrace.sandbox.jsonapi.problems import INVALID, Fault
from headrace.sandbox.jsonapi.rendering import stamp
from headrace.sandbox.jsonapi.routes import Action
from headrace.sandbox.jsonapi.validation import drafted
from headrace.sandbox.message import Call
from headrace.sandbox.productive.money import DEALS
from headrace.sandbox.productive.rules import statuses_of
from headrace.sandbox.productive.work import PROJECTS
from headrace.sandbox.store import Record, Store

TOO_FEW_STATUSES: Final = "must have 2 (including one closed) or more workflow statuses defined"
CLOSED: Final = 3  # the category of a workflow status

Finding = Iterator[tuple[str, str]]


def _set(**values: Callable[[Call], Any]) -> Action:
    """Return the action that sets attributes from the call."""

    def action(call: Call, record: Record, _: Context) -> Record:
        record.attributes |= {name: value(call) for name, value in values.items()}
        record.updated_at = call.now
        return record

    return action


def _time_of(call: Call) -> str:
    return stamp(int(call.now))


def _nothing(_: Call) -> None:
    return None


def _delivery(call: Call) -> Any:
    """Return the day that a call says a budget was delivered on, else today."""
    day = document.one(call, DEALS).attributes.get("delivered_on") if call.body else None
    if day is not None and DATE.fault(day):
        raise problems.invalid([Fault("delivered_on", "is invalid")], indexed=False)
    return day or stamp(call.now)[:10]


def _raise_faults(findings: Iterator[tuple[str, str]]) -> None:
    faults = [Fault(field, detail) for field, detail in findings]
    if faults:
        raise problems.invalid(faults, indexed=False)


# --- workflows --------------------------------------------------------------------------------------------------


def _change_workflow(call: Call, project: Record, context: Context) -> Record:
    """Give a project another workflow; `map` leads each status of the old one to one of the new one."""
    item = document.one(call, PROJECTS, project.id)
    wanted = Kind("projects", {}, {"workflow": To("workflows", is_early=True)})
    draft = drafted(wanted, item, 0, context.store)
    if draft.faults:
        raise problems.invalid(draft.faults, indexed=False)
    workflow: int = draft.links["workflow"]
    mapping: Any = item.attributes.get("map")
    _raise_faults(_faults_of_change(mapping, project, workflow, context.store))
    _move_tasks(project, "workflow_status", mapping, context.store)
    project.links["workflow"] = workflow
    project.updated_at = call.now
    return project


def _faults_of_change(mapping: Any, project: Record, workflow: Any, store: Store) -> Finding:
    old, new = statuses_of(project.links.get("workflow"), store), statuses_of(workflow, store)
    if not mapping:
        yield "map", "can't be blank"
    if len(new) < 2 or all(status.attributes.get("category_id") != CLOSED for status in new):
        yield "workflow", TOO_FEW_STATUSES
    if mapping is None:
        return
    if not isinstance(mapping, dict):
        yield "map", INVALID
    elif {str(status.id) for status in old} - mapping.keys():
        yield "map", "doesn't contain all statuses from current project workflow"
    elif {str(value) for value in mapping.values()} - {str(status.id) for status in new}:
        yield "map", "contains invalid statuses"


def _map_to_workflow(call: Call, project: Record, context: Context) -> Record:
    """Give every task the status of its project's workflow that `map` names for its task list."""
    mapping: Any = document.one(call, PROJECTS, project.id).attributes.get("map")
    _raise_faults(_faults_of_map(mapping, project, context.store))
    _move_tasks(project, "task_list", mapping, context.store)
    project.updated_at = call.now
    return project


def _faults_of_map(mapping: Any, project: Record, store: Store) -> Finding:
    if not mapping or not isinstance(mapping, dict):
        yield "map", "can't be blank"
        return
    lists = {str(each.id) for each in store.table("task_lists").values() if each.links.get("project") == project.id}
    statuses = {str(each.id) for each in statuses_of(project.links.get("workflow"), store)}
    if mapping.keys() - lists:
        yield "map", "contains invalid task_list_id"
    elif {str(value) for value in mapping.values()} - statuses:
        yield "map", "contains invalid statuses"


def _move_tasks(project: Record, link: str, mapping: dict[str, Any], store: Store) -> None:
    """Set the status of the project's tasks to what `mapping` says for the record that `link` points to."""
    for task in store.table("tasks").values():
        key = str(task.links.get(link))
        if task.links.get("project") == project.id and key in mapping:
            task.links["workflow_status"] = int(mapping[key])


# --- invoices ---------------------------------------------------------------------------------------------------


def _finalize(call: Call, invoice: Record, context: Context) -> Record:
    """Give an invoice its day, and a number unless it has one."""
    if invoice.attributes.get("number") is None:
        invoice.attributes["number"] = str(context.store.following("invoices"))
    return _set(finalized_on=lambda call: stamp(call.now)[:10])(call, invoice, context)


# --- people -----------------------------------------------------------------------------------------------------


def _archive_person(call: Call, person: Record, context: Context) -> Record:
    """Archive a person, whose bookings are deleted (the page "Archive a Person")."""
    store = context.store
    for booking in [each for each in store.table("bookings").values() if each.links.get("person") == person.id]:
        store.remove("bookings", booking)
    return _set(archived_at=_time_of)(call, person, context)


# --- the tables -------------------------------------------------------------------------------------------------

_DISAPPROVE: Final = _set(approved=lambda _: False, approved_at=_nothing)
_ARCHIVE: Final = _set(archived_at=_time_of)
_RESTORE: Final = _set(archived_at=_nothing)

_RESTORABLE: Final = ("companies", "people", "projects", "folders", "task_lists")
_ARCHIVABLE: Final = (*_RESTORABLE, "custom_fields", "custom_field_options")

ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    **{(kind, "archive"): _ARCHIVE for kind in _ARCHIVABLE},
    **{(kind, "restore"): _RESTORE for kind in _RESTORABLE},
    ("people", "archive"): _archive_person,
    ("people", "deactivate"): _set(deactivated_at=_time_of, status=lambda _: 2),
    ("people", "activate"): _set(deactivated_at=_nothing, status=lambda _: 1),
    ("projects", "change_workflow"): _change_workflow,
    ("projects", "map_to_workflow"): _map_to_workflow,
    ("invoices", "finalize"): _finalize,
    ("expenses", "unapprove"): _DISAPPROVE,
    ("deals", "close"): _set(delivered_on=_delivery, closed_at=_time_of),
    ("deals", "open"): _set(delivered_on=_nothing, closed_at=_nothing),
}

_APPROVE: Final = _set(approved=lambda _: True, approved_at=_time_of)
COLLECTIVE_ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    ("time_entries", "approve"): _APPROVE,
    ("time_entries", "unapprove"): _DISAPPROVE,
    ("expenses", "bulk_approve"): _APPROVE,
}
