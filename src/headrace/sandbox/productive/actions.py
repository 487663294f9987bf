"""The actions of Productive: what is neither a plain create nor update. Projects page of 19 April 2024 (S004), FAQ."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from headrace.sandbox.api import Context
from headrace.sandbox.jsonapi import document, problems
from headrace.sandbox.jsonapi.checks import BOOLEAN, DATE, TEXT, choice, integer
from headrace.sandbox.jsonapi.kind import Draft, Kind, To
from headrace.sandbox.jsonapi.problems import INVALID, Fault
from headrace.sandbox.jsonapi.rendering import stamp
from headrace.sandbox.jsonapi.routes import Action, CollectionAction
from headrace.sandbox.jsonapi.validation import drafted
from headrace.sandbox.message import Call
from headrace.sandbox.productive.money import DEALS
from headrace.sandbox.productive.rules import statuses_of
from headrace.sandbox.productive.work import PROJECTS
from headrace.sandbox.store import Link, Record, Store

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


# --- copies -----------------------------------------------------------------------------------------------------


def _faults_of_copy(draft: Draft, store: Store) -> Finding:
    template, kind = draft.value("template_id"), draft.value("project_type_id")
    if template is not None and store.get("projects", template) is None:
        yield "template_id", INVALID
    if kind is None:  # the vendor says both that it is blank and that it is not in the list
        yield "project_type_id", problems.NOT_LISTED


COPY: Final = Kind(
    "projects",
    attributes={
        "name": TEXT,
        "template_id": integer(least=0),
        "project_type_id": choice(1, 2),
        "public_access": BOOLEAN,
        "description": TEXT,
    },
    relations={"company": To("companies")},
    required=("name", "template_id", "project_type_id"),
    rules=(_faults_of_copy,),
)


def _copy(call: Call, context: Context) -> Record:
    """Create a project like another, with its folders, task lists and tasks where asked for."""
    item, store = document.one(call, PROJECTS), context.store
    draft = drafted(COPY, item, 0, store)
    if draft.faults:
        raise problems.invalid(draft.faults, indexed=False)
    template = store.get("projects", draft.value("template_id"))
    assert template is not None, "checked by the rule"
    flags = item.attributes
    number = None if flags.get("copy_as_template") else str(store.following("projects"))
    own = {"template": True, "description": draft.value("description")} if number is None else {}
    kept = {name: template.attributes.get(name) for name in ("public_access", "time_on_tasks", "tag_colors")}
    wanted = {name: value for name, value in draft.attributes.items() if name in PROJECTS.attributes}
    attributes = kept | {"number": number, "project_number": number} | own | wanted
    links = template.links | {"template_object": template.id} | draft.links
    copy = store.create("projects", attributes, links, call.now, item.attributes)
    _copy_content(template, copy, flags, store, call.now)
    return copy


def _copy_content(template: Record, copy: Record, flags: Mapping[str, Any], store: Store, now: float) -> None:
    moved: dict[tuple[str, Link], Link] = {("projects", template.id): copy.id}
    for kind, flag in (("folders", "copy_boards"), ("task_lists", "copy_task_lists"), ("tasks", "copy_tasks")):
        originals = [each for each in store.table(kind).values() if each.links.get("project") == template.id]
        for original in originals if flags.get(flag) else ():
            links = {name: moved.get((_OWNERS.get(name, ""), link), link) for name, link in original.links.items()}
            moved[kind, original.id] = store.place(kind, dict(original.attributes), links, now).id


_OWNERS: Final[Mapping[str, str]] = {
    "project": "projects",
    "folder": "folders",
    "task_list": "task_lists",
    "parent_task": "tasks",
}


# --- invoices ---------------------------------------------------------------------------------------------------


def _finalize(call: Call, invoice: Record, context: Context) -> Record:
    """Give an invoice its day, and a number unless it has one."""
    if invoice.attributes.get("number") is None:
        invoice.attributes["number"] = str(context.store.following("invoices"))
    return _set(finalized_on=lambda call: stamp(call.now)[:10])(call, invoice, context)


# --- the tables -------------------------------------------------------------------------------------------------

_ARCHIVE: Final = _set(archived_at=_time_of)
_RESTORE: Final = _set(archived_at=_nothing)

_ARCHIVABLE: Final = ("companies", "people", "projects", "folders", "task_lists", "custom_fields")

ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    **{(kind, "archive"): _ARCHIVE for kind in _ARCHIVABLE},
    **{(kind, "restore"): _RESTORE for kind in _ARCHIVABLE},
    ("projects", "change_workflow"): _change_workflow,
    ("projects", "map_to_workflow"): _map_to_workflow,
    ("invoices", "finalize"): _finalize,
    ("deals", "close"): _set(delivered_on=_delivery, closed_at=_time_of),
    ("deals", "open"): _set(delivered_on=_nothing, closed_at=_nothing),
}

_APPROVE: Final = _set(approved=lambda _: True, approved_at=_time_of)
COLLECTIVE_ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    ("time_entries", "approve"): _APPROVE,
    ("time_entries", "unapprove"): _set(approved=lambda _: False, approved_at=_nothing),
    ("expenses", "bulk_approve"): _APPROVE,
}

COLLECTION_ACTIONS: Final[Mapping[tuple[str, str], CollectionAction]] = {("projects", "copy"): _copy}
