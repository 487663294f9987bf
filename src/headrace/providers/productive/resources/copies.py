"""Copies: what is asked for of the content of a project, folder or task list, and of a single task.

https://developer.productive.io/reference/actions/projects-copy-copy, folders-copy-copy and task_lists-copy-copy. All
flags are off unless they are given. The details of tasks need `copy_open_tasks` or `copy_closed_tasks`, these need
`copy_task_lists`, and that needs `copy_boards`, where there is such a flag; else the vendor refuses the copy.
"""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Action
from headrace.providers.productive.vocabulary import Name

# The pages give ids as attributes here, so that these are no references.


class TaskContent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is copied of tasks: the flags that projects, folders and task lists have in common."""

    copy_open_tasks: Annotated[bool, Meta(description="with open tasks")] | UnsetType = UNSET
    copy_closed_tasks: Annotated[bool, Meta(description="with closed tasks")] | UnsetType = UNSET
    copy_task_description: Annotated[bool, Meta(description="with the descriptions of tasks")] | UnsetType = UNSET
    copy_task_comments: Annotated[bool, Meta(description="with the comments of tasks")] | UnsetType = UNSET
    copy_task_attachments: Annotated[bool, Meta(description="with the attachments of tasks")] | UnsetType = UNSET
    copy_task_subscribers: Annotated[bool, Meta(description="with the subscribers of tasks")] | UnsetType = UNSET
    copy_task_open_todos: Annotated[bool, Meta(description="with the open todos of tasks")] | UnsetType = UNSET
    copy_task_closed_todos: Annotated[bool, Meta(description="with the closed todos of tasks")] | UnsetType = UNSET
    copy_task_open_subtasks: Annotated[bool, Meta(description="with open subtasks")] | UnsetType = UNSET
    copy_task_closed_subtasks: Annotated[bool, Meta(description="with closed subtasks")] | UnsetType = UNSET
    copy_task_dependencies: Annotated[bool, Meta(description="with the dependencies of tasks")] | UnsetType = UNSET
    copy_assignees: Annotated[bool, Meta(description="with who is assigned to tasks")] | UnsetType = UNSET
    copy_tags: Annotated[bool, Meta(description="with the tags of tasks")] | UnsetType = UNSET
    copy_due_date: Annotated[bool, Meta(description="with the days tasks are due")] | UnsetType = UNSET
    copy_start_date: Annotated[bool, Meta(description="with the days tasks start")] | UnsetType = UNSET
    copy_repeat: Annotated[bool, Meta(description="with how tasks are repeated")] | UnsetType = UNSET
    copy_estimate: Annotated[bool, Meta(description="with the estimates of tasks")] | UnsetType = UNSET
    copy_custom_fields: Annotated[bool, Meta(description="with the values of custom fields")] | UnsetType = UNSET


class ProjectCopy(TaskContent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A project like the one of the `id`, with what is asked for of its content.

    `copy_project_members` and `copy_tasks` are of the page of 19 April 2024; the newer one has `copy_memberships`, and
    tells open tasks from closed ones.
    """

    name: Name
    project_type_id: Annotated[Literal[1, 2], Meta(description="1 internal, 2 client")]
    company_id: Annotated[int, Meta(ge=1, description="the client, or the internal company")] | UnsetType = UNSET
    project_manager_id: Annotated[int, Meta(ge=1, description="the project manager")] | UnsetType = UNSET
    project_color_id: Annotated[int, Meta(ge=1, description="number of its colour")] | UnsetType = UNSET
    public_access: Annotated[bool, Meta(description="whether everybody may see it")] | UnsetType = UNSET
    description: Annotated[str, Meta(description="description, of a template")] | UnsetType = UNSET
    copy_memberships: Annotated[bool, Meta(description="with its members")] | UnsetType = UNSET
    copy_project_members: Annotated[bool, Meta(description="with its members, by the older name")] | UnsetType = UNSET
    copy_boards: Annotated[bool, Meta(description="with folders")] | UnsetType = UNSET
    copy_task_lists: Annotated[bool, Meta(description="with task lists")] | UnsetType = UNSET
    copy_tasks: Annotated[bool, Meta(description="with all tasks, by the older name")] | UnsetType = UNSET
    copy_task_templates: Annotated[bool, Meta(description="with templates of tasks")] | UnsetType = UNSET
    copy_views: Annotated[bool, Meta(description="with views")] | UnsetType = UNSET
    copy_notes: Annotated[bool, Meta(description="with notes")] | UnsetType = UNSET
    copy_dashboards: Annotated[bool, Meta(description="with dashboards")] | UnsetType = UNSET
    copy_surveys: Annotated[bool, Meta(description="with surveys")] | UnsetType = UNSET
    copy_budgets: Annotated[bool, Meta(description="with budgets")] | UnsetType = UNSET
    copy_deals: Annotated[bool, Meta(description="with deals; not of internal projects")] | UnsetType = UNSET
    copy_as_template: Annotated[bool, Meta(description="whether the copy is a template")] | UnsetType = UNSET


class FolderCopy(TaskContent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A folder like the one of the `id`, in a project."""

    name: Name
    project_id: Annotated[int, Meta(ge=1, description="the project that it is for")]
    copy_task_lists: Annotated[bool, Meta(description="with task lists")] | UnsetType = UNSET


class TaskListCopy(TaskContent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A task list like the one of the `id`, in a folder of a project."""

    name: Name
    project_id: Annotated[int, Meta(ge=1, description="the project that it is for")]
    folder_id: Annotated[int, Meta(ge=1, description="the folder that it is for")]


class TaskCopy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A task like the one of the `id`, in a task list of a project."""

    title: Annotated[Name, Meta(description="title; not blank")]
    project_id: Annotated[int, Meta(ge=1, description="the project that it is for")]
    task_list_id: Annotated[int, Meta(ge=1, description="the task list that it is for")]
    workflow_status_id: Annotated[int, Meta(ge=1, description="its status")]
    private: Annotated[bool, Meta(description="whether clients cannot see it")] | UnsetType = UNSET
    parent_task_id: Annotated[int, Meta(ge=1, description="the task that it is part of")] | UnsetType = UNSET


def copying(what: str, struct: type[Struct], *, as_list: bool = False) -> Action:
    """Return the action that makes a record of another of the same kind: `what`, with its article."""
    return Action(
        name="copy",
        description=f"copied: {what} like it",
        method="POST",
        tail="/copy",
        source="template_id",
        struct=struct,
        as_list=as_list,
    )


COPY_PROJECT: Final = copying("a new project", ProjectCopy)
COPY_FOLDER: Final = copying("a new folder", FolderCopy)
COPY_TASK_LIST: Final = copying("a new task list", TaskListCopy)
COPY_TASK: Final = copying("a new task", TaskCopy)
