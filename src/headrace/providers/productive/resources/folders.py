"""Folders (formerly boards): they group the task lists of a project."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import NaturalKey, Resource
from headrace.providers.productive.resources.copies import COPY_FOLDER
from headrace.providers.productive.resources.lifecycle import ARCHIVE, KEPT, RESTORE
from headrace.providers.productive.vocabulary import DOCS, Name, Position, ProjectId


class Folder(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A folder to create."""

    name: Name
    project_id: ProjectId
    hidden: Annotated[bool, Meta(description="whether clients cannot see it")] | UnsetType = UNSET
    position: Position | UnsetType = UNSET


FOLDERS = Resource(
    name="folders",
    writes=KEPT,
    struct=Folder,
    guarantee=NaturalKey(("name", "project_id")),
    doc=f"{DOCS}folders",
    lookups={"name": ("name",)},
    actions=(ARCHIVE, RESTORE, COPY_FOLDER),
)
