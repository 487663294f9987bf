"""Task lists: they hold the tasks of a folder."""

from msgspec import UNSET, Struct, UnsetType

from headrace.provider import NaturalKey, Resource
from headrace.providers.productive.resources.copies import COPY_TASK_LIST
from headrace.providers.productive.resources.lifecycle import ARCHIVE, KEPT, RESTORE
from headrace.providers.productive.vocabulary import DOCS, FolderId, Name, Position, ProjectId


class TaskList(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A task list to create. Older pages call the folder a board; the specification requires `folder_id`."""

    name: Name
    project_id: ProjectId
    folder_id: FolderId
    position: Position | UnsetType = UNSET


TASK_LISTS = Resource(
    name="task_lists",
    writes=KEPT,
    struct=TaskList,
    guarantee=NaturalKey(("name", "project_id", "folder_id")),
    doc=f"{DOCS}task-lists",
    lookups={"name": ("name",)},
    actions=(ARCHIVE, RESTORE, COPY_TASK_LIST),
)
