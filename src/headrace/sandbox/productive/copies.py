"""Copies of projects, folders, task lists, tasks and deals: `POST /TYPE/copy`.

Projects page of 19 April 2024 (S004) and https://developer.productive.io/reference/actions/projects-copy-copy,
folders-copy-copy, task_lists-copy-copy. Folders, task lists and tasks are copied where asked for; of the details of
tasks, all stay. The page of projects names what a flag presumes, and no error where that is missing: nothing is copied
then. Of deals the specification has a bulk document, an older page a single one: both are taken.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from headrace.sandbox.api import Context
from headrace.sandbox.jsonapi import document, problems
from headrace.sandbox.jsonapi.checks import BOOLEAN, DATE, INTEGER, OBJECT, TEXT, WORDS, Check, choice, integer
from headrace.sandbox.jsonapi.document import Item
from headrace.sandbox.jsonapi.kind import Draft, Kind, Rule, To, words
from headrace.sandbox.jsonapi.problems import INVALID, NOT_LISTED
from headrace.sandbox.jsonapi.routes import CollectionAction
from headrace.sandbox.jsonapi.validation import drafted, unknown_names
from headrace.sandbox.message import Call
from headrace.sandbox.productive.money import DEALS
from headrace.sandbox.productive.rules import Finding
from headrace.sandbox.productive.work import FOLDERS, PROJECTS, TASK_LISTS, TASKS
from headrace.sandbox.store import Link, Record, Store

CLOSED: Final = 3  # the category of a workflow status
GATES: Final = ("copy_open_tasks", "copy_closed_tasks")
DETAILS: Final = words(
    "copy_task_description copy_task_comments copy_task_attachments copy_task_subscribers copy_task_open_todos "
    "copy_task_closed_todos copy_task_open_subtasks copy_task_closed_subtasks copy_task_dependencies copy_assignees "
    "copy_tags copy_due_date copy_start_date copy_repeat copy_estimate copy_custom_fields"
)
_PROJECT_FLAGS: Final = words(
    "copy_project_members copy_memberships copy_boards copy_task_lists copy_tasks copy_task_templates copy_views "
    "copy_notes copy_dashboards copy_surveys copy_budgets copy_deals copy_as_template"
)

Fresh: TypeAlias = Callable[[Draft, Store], dict[str, Any]]
"""What a copy has instead of the original's: numbers, and what only the original went through."""


# --- what a request must say --------------------------------------------------------------------------------------


def _asked(kind: str, attributes: Mapping[str, Check], flags: tuple[str, ...] = (), **more: Any) -> Kind:
    """Return what a request to copy is checked against; `template_id` is the original, whose type is `kind`."""
    own = {**attributes, "template_id": integer(least=0), **dict.fromkeys(flags, BOOLEAN)}
    rules: tuple[Rule, ...] = (_of(kind), *more.pop("rules", ()))
    return Kind(kind, own, rules=rules, **more)


def _of(kind: str) -> Rule:
    def rule(draft: Draft, store: Store) -> Finding:
        template = draft.value("template_id")
        if template is not None and store.get(kind, template) is None:
            yield "template_id", INVALID

    return rule


def _type_of_project(draft: Draft, _: Store) -> Finding:
    if draft.value("project_type_id") is None:  # the vendor says both that it is blank and that it is not in the list
        yield "project_type_id", NOT_LISTED


def _gated(*, by_lists: bool) -> Rule:
    """Return the rule that details need tasks, and, in a folder, that tasks need task lists."""

    def rule(draft: Draft, _: Store) -> Finding:
        tasks = [flag for flag in GATES if draft.value(flag)]
        details = [flag for flag in DETAILS if draft.value(flag)]
        if by_lists and tasks and not draft.value("copy_task_lists"):
            yield tasks[0], "task_lists_required"
        if details and not tasks:
            yield details[0], "tasks_required"

    return rule


_PROJECT = _asked(
    "projects",
    {
        "name": TEXT,
        "project_type_id": choice(1, 2),
        "public_access": BOOLEAN,
        "description": TEXT,
        "project_color_id": INTEGER,
    },
    (*_PROJECT_FLAGS, *GATES, *DETAILS),
    relations={"company": To("companies"), "project_manager": To("people")},
    required=("name", "template_id", "project_type_id"),
    rules=(_type_of_project,),
)
_FOLDER = _asked(
    "folders",
    {"name": TEXT},
    ("copy_task_lists", *GATES, *DETAILS),
    relations={"project": To("projects")},
    required=("name", "template_id", "project"),
    rules=(_gated(by_lists=True),),
)
_TASK_LIST = _asked(
    "task_lists",
    {"name": TEXT},
    (*GATES, *DETAILS),
    relations={"project": To("projects"), "folder": To("folders", also=("boards",))},
    required=("name", "template_id", "project", "folder"),
    synonyms={"board": "folder"},
    rules=(_gated(by_lists=False),),
)
_TASK = _asked(
    "tasks",
    {"title": TEXT, "private": BOOLEAN},
    relations={
        "project": To("projects"),
        "task_list": To("task_lists"),
        "workflow_status": To("workflow_statuses"),
        "parent_task": To("tasks"),
    },
    required=("title", "template_id", "project", "task_list", "workflow_status"),
)
_DEAL = _asked(
    "deals",
    {"name": TEXT, "date": DATE, "end_date": DATE, "currency": TEXT, "tag_list": WORDS, "custom_fields": OBJECT},
    relations={
        "project": To("projects"),
        "company": To("companies"),
        "responsible": To("people"),
        "deal_status": To("deal_statuses"),
        "subsidiary": To("subsidiaries"),
    },
    required=("name", "template_id"),
)


# --- the copy, and what hangs on it -------------------------------------------------------------------------------


def _copier(kind: Kind, asked: Kind, fresh: Fresh = lambda _, __: {}) -> CollectionAction:
    def copy(call: Call, context: Context) -> Record:
        item, store = _item(call, kind, context), context.store
        draft = drafted(asked, item, 0, store)
        if names := unknown_names(asked, item):
            context.audit.ignored(kind.type, names)
        if draft.faults:
            raise problems.invalid(draft.faults, indexed=False)
        original = store.get(kind.type, draft.value("template_id"))
        assert original is not None, "checked by the rule"
        wanted = {name: value for name, value in draft.attributes.items() if name in kind.attributes}
        attributes = original.attributes | {"archived_at": None} | fresh(draft, store) | wanted
        links = original.links | draft.links | ({"template_object": original.id} if kind is PROJECTS else {})
        made = store.create(kind.type, attributes, links, call.now, item.attributes)
        _copy_content(kind.type, original, made, item.attributes, store)
        return made

    return copy


def _item(call: Call, kind: Kind, context: Context) -> Item:
    """Return what is to be copied: of a deal also out of a bulk document, if it is the only one."""
    if kind is not DEALS or not document.is_bulk(call):
        return document.one(call, kind)
    items = document.many(call, kind, "update", context.conduct)
    if len(items) != 1:
        raise problems.bad_request()
    return items[0]


_LEVELS: Final = ("projects", "folders", "task_lists", "tasks")
_OWNERS: Final[Mapping[str, str]] = {
    "project": "projects",
    "folder": "folders",
    "task_list": "task_lists",
    "parent_task": "tasks",
}
_OWNED_BY: Final[Mapping[str, str]] = {"folders": "project", "task_lists": "folder", "tasks": "task_list"}
_FLAGS: Final[Mapping[str, str]] = {"folders": "copy_boards", "task_lists": "copy_task_lists"}


def _copy_content(level: str, original: Record, made: Record, flags: Mapping[str, Any], store: Store) -> None:
    moved: dict[tuple[str, Link], Link] = {(level, original.id): made.id}
    project = made.id if level == "projects" else made.links.get("project", 0)
    below = _LEVELS[_LEVELS.index(level) + 1 :] if level in _LEVELS else ()
    for kind in below:
        owner = _OWNED_BY[kind]
        for each in [*store.table(kind).values()]:
            if (_OWNERS[owner], each.links.get(owner, 0)) in moved and _is_wanted(kind, each, flags, store):
                links = {name: moved.get((_OWNERS.get(name, ""), link), link) for name, link in each.links.items()}
                placed = store.place(kind, dict(each.attributes), links | {"project": project}, made.created_at)
                moved[kind, each.id] = placed.id


def _is_wanted(kind: str, record: Record, flags: Mapping[str, Any], store: Store) -> bool:
    if kind in _FLAGS:
        return bool(flags.get(_FLAGS[kind]))
    status = store.get("workflow_statuses", _number(record.links.get("workflow_status")))
    is_closed = status is not None and status.attributes.get("category_id") == CLOSED
    return bool(flags.get("copy_tasks") or flags.get("copy_closed_tasks" if is_closed else "copy_open_tasks"))


def _number(link: Link | None) -> int:
    return link if isinstance(link, int) else 0


# --- what is new about a copy -------------------------------------------------------------------------------------


def _of_project(draft: Draft, store: Store) -> dict[str, Any]:
    """Return a number, or what a template has instead."""
    if draft.value("copy_as_template"):
        return {"template": True, "description": draft.value("description"), "number": None, "project_number": None}
    number = str(store.following("projects"))
    return {"template": False, "number": number, "project_number": number}


def _of_task(_: Draft, store: Store) -> dict[str, Any]:
    number = str(store.following("tasks"))
    return {"number": number, "task_number": number, "closed": False, "closed_at": None}


def _of_deal(_: Draft, store: Store) -> dict[str, Any]:
    number = str(store.following("deals"))
    return {"number": number, "deal_number": number, "delivered_on": None, "closed_at": None}


COPIES: Final[Mapping[tuple[str, str], CollectionAction]] = {
    ("projects", "copy"): _copier(PROJECTS, _PROJECT, _of_project),
    ("folders", "copy"): _copier(FOLDERS, _FOLDER),
    ("boards", "copy"): _copier(FOLDERS, _FOLDER),
    ("task_lists", "copy"): _copier(TASK_LISTS, _TASK_LIST),
    ("tasks", "copy"): _copier(TASKS, _TASK, _of_task),
    ("deals", "copy"): _copier(DEALS, _DEAL, _of_deal),
}
