"""Projects and what is done in them, as Productive's pages describe them (projects page of 19 April 2024, S004).

Fields: the vendor's OpenAPI document (PROVIDERS.md 1.5, column a) and recorded traffic. Filters: PROVIDERS.md 1.6 and
the projects page, as in `people`.
"""

from headrace.sandbox.jsonapi.checks import (
    BOOLEAN,
    COUNT,
    DATE,
    INTEGER,
    NUMBERS,
    OBJECT,
    TEXT,
    WORDS,
    choice,
)
from headrace.sandbox.jsonapi.kind import Kind, To, exactly_one_of, words
from headrace.sandbox.productive.document import DOCUMENT
from headrace.sandbox.productive.rules import custom_values, default, first_status, numbered
from headrace.sandbox.productive.storage import form, linked, located, present, uploaded
from headrace.sandbox.store import Record

ALL_BULK = frozenset({"create", "update", "delete"})


def status_of(record: Record) -> int:
    """Return 1 for active, 2 for archived."""
    return 1 if record.attributes.get("archived_at") is None else 2


PROJECTS = Kind(
    "projects",
    attributes={
        "name": TEXT,
        "project_type_id": choice(1, 2),
        "project_color_id": INTEGER,
        "public_access": BOOLEAN,
        "time_on_tasks": BOOLEAN,
        "tag_colors": OBJECT,
        "custom_fields": OBJECT,
        "task_custom_fields_ids": NUMBERS,
        "preferences": OBJECT,
    },
    relations={
        "company": To("companies"),
        "project_manager": To("people"),
        "last_actor": To("people"),
        "workflow": To("workflows", is_early=True),
        "custom_field_people": To("people", flat="custom_field_people_ids", is_many=True),
        "template_object": To("projects"),
    },
    required=("name", "project_type_id", "company", "project_manager"),
    defaults={
        "number": None,
        "project_number": None,
        "public_access": False,
        "time_on_tasks": False,
        "tag_colors": {},
        "archived_at": None,
        "template": False,
        "sample_data": False,
    },
    unseen=frozenset({"preferences"}),
    stamps=("created_at", "last_activity_at"),
    filters=words(
        "project_type company_id responsible_id person_id status query name number project_number custom_fields "
        "created_at"
    ),
    aliases={
        "project_type": "project_type_id",
        "responsible_id": "project_manager",
        "person_id": "project_manager",
    },
    special={"status": status_of},
    sorts=words("id name number project_number created_at"),
    text=("name", "project_number"),
    bulk=frozenset({"update"}),
    fixed=frozenset({"workflow"}),  # PATCH answers 200 and changes nothing; change_workflow does
    rules=(custom_values("projects"),),
    completions=(numbered("projects", "number", "project_number"),),
)

FOLDERS = Kind(
    "folders",
    also=("boards",),  # the older name, still in use
    lacks=frozenset({"delete"}),
    attributes={"name": TEXT, "hidden": BOOLEAN, "position": INTEGER},
    relations={"project": To("projects")},
    required=("name", "project"),
    defaults={"archived_at": None, "hidden": False},
    stamps=(),
    filters=words("query project_id"),
    sorts=words("id name position"),
    text=("name",),
)

TASK_LISTS = Kind(
    "task_lists",
    lacks=frozenset({"delete"}),
    attributes={"name": TEXT, "position": INTEGER, "estimation_mode": INTEGER},
    relations={"project": To("projects"), "folder": To("folders", also=("boards",))},
    required=("name", "project", "folder"),
    defaults={"archived_at": None},
    stamps=(),
    filters=words("query project_id folder_id board_id"),
    synonyms={"board": "folder"},  # the older name, still in use
    sorts=words("id name position"),
    text=("name",),
)

TASKS = Kind(
    "tasks",
    attributes={
        "title": TEXT,
        "description": TEXT,
        "private": BOOLEAN,
        "due_date": DATE,
        "due_time": TEXT,
        "start_date": DATE,
        "initial_estimate": COUNT,
        "remaining_time": COUNT,
        "type_id": choice(1, 3),
        "tag_list": WORDS,
        "custom_fields": OBJECT,
        "repeat_schedule_id": INTEGER,
        "repeat_on_interval": INTEGER,
        "repeat_on_monthday": INTEGER,
        "repeat_on_weekday": NUMBERS,
        "repeat_on_date": DATE,
        "skip_reposition": BOOLEAN,
    },
    relations={
        "project": To("projects"),
        "task_list": To("task_lists"),
        "assignee": To("people"),
        "creator": To("people"),
        "last_actor": To("people"),
        "parent_task": To("tasks"),
        "workflow_status": To("workflow_statuses"),
        "service": To("services"),
        "subscribers": To("people", flat="subscriber_ids", is_many=True),
        "attachments": To("attachments", flat="attachment_ids", is_many=True),
    },
    required=("title", "project", "task_list"),
    defaults={
        "number": None,
        "task_number": None,
        "private": False,
        "closed": False,
        "closed_at": None,
        "billable_time": 0,
        "worked_time": 0,
        "todo_count": 0,
        "open_todo_count": 0,
        "deleted_at": None,
        "tag_list": [],
        "last_activity_at": None,
    },
    unseen=frozenset({"skip_reposition"}),
    filters=words(
        "title project_id task_list_id assignee_id workflow_status_id task_number created_at updated_at custom_fields"
    ),
    sorts=words("id title task_number due_date start_date created_at updated_at"),
    text=("title", "description"),
    bulk=ALL_BULK,
    rules=(custom_values("tasks"), present),
    completions=(numbered("tasks", "number", "task_number"), default("type_id", 1), first_status),
    reactions=(linked("tasks", "task"),),
)

TODOS = Kind(
    "todos",
    attributes={"description": TEXT, "closed": BOOLEAN, "due_date": DATE, "due_time": TEXT, "position": INTEGER},
    relations={"task": To("tasks"), "deal": To("deals"), "assignee": To("people")},
    required=("description",),
    defaults={"closed": False, "closed_at": None},
    filters=words("task_id deal_id"),
    sorts=words("id due_date position created_at updated_at"),
    text=("description",),
    bulk=ALL_BULK,
    rules=(exactly_one_of("task", "deal"),),
)

COMMENTS = Kind(
    "comments",
    attributes={"body": TEXT, "hidden": BOOLEAN, "draft": BOOLEAN},
    relations={
        "task": To("tasks"),
        "deal": To("deals"),
        "company": To("companies"),
        "person": To("people"),
        "project": To("projects"),
        "creator": To("people"),
        "attachments": To("attachments", flat="attachment_ids", is_many=True),
    },
    required=("body",),
    defaults={"hidden": False, "draft": False, "pinned_at": None, "edited_at": None, "deleted_at": None},
    filters=words("task_id company_id project_id"),
    sorts=words("id created_at updated_at"),
    text=("body",),
    rules=(exactly_one_of("task", "deal", "company", "person", "project"), present),
    reactions=(linked("comments", "comment"),),
)

ATTACHMENTS = Kind(
    "attachments",
    attributes={"name": TEXT, "content_type": TEXT, "size": COUNT, "attachable_type": TEXT, "temp_url": TEXT},
    relations={"task": To("tasks"), "comment": To("comments"), "page": To("pages"), "expense": To("expenses")},
    required=("name",),
    defaults={"url": None, "deleted_at": None},
    stamps=("created_at",),
    filters=words("task_id comment_id page_id expense_id"),
    sorts=words("id name created_at"),
    text=("name",),
    rules=(uploaded,),
    reactions=(located,),
    once=form,
    is_hidden=True,
)

PAGES = Kind(
    "pages",
    attributes={"title": TEXT, "body": DOCUMENT, "cover_image_url": TEXT, "custom_fields": OBJECT},
    relations={
        "project": To("projects"),
        "parent_page": To("pages"),
        "root_page": To("pages"),
        "creator": To("people"),
        "attachments": To("attachments", flat="attachment_ids", is_many=True),
    },
    required=("title",),
    filters=words("project_id query parent_page_id custom_fields"),
    sorts=words("id title created_at updated_at"),
    text=("title",),
    rules=(custom_values("pages"), present),
    reactions=(linked("pages", "page"),),
)

WORKFLOWS = Kind(
    "workflows",
    attributes={"name": TEXT},
    required=("name",),
    defaults={"archived_at": None},
    filters=words("name query"),
    sorts=words("id name created_at"),
    text=("name",),
)

WORKFLOW_STATUSES = Kind(
    "workflow_statuses",
    attributes={"name": TEXT, "category_id": choice(1, 2, 3), "color_id": INTEGER, "position": INTEGER},
    relations={"workflow": To("workflows")},
    required=("name", "category_id", "workflow"),
    stamps=(),
    filters=words("name category_id workflow_id query"),
    sorts=words("id name position"),
    text=("name",),
)
