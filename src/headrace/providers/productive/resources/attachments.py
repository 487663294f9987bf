"""Attachments: files at tasks, comments and pages. One takes four steps, in the vendor's words below."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Create, Link, Locate, NaturalKey, Resource, Upload
from headrace.providers.productive.rules import exactly_one, given
from headrace.providers.productive.vocabulary import DOCS, CommentId, Name, PageId, TaskId

TARGETS: Final = {"task_id": "tasks", "comment_id": "comments", "page_id": "pages"}
STORAGE: Final = "https://productive-files-production.s3.eu-west-1.amazonaws.com"
"""Where files go; from the vendor's example (https://developer.productive.io/guides/attachments)."""


class Attachment(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A file to attach to exactly one record. What is not said of the file is read from it."""

    file: Annotated[str, Meta(min_length=1, description="path of the file below --attachments-dir")]
    task_id: TaskId | UnsetType = UNSET
    comment_id: CommentId | UnsetType = UNSET
    page_id: PageId | UnsetType = UNSET
    name: Annotated[Name, Meta(description="name to show; by default the file's own")] | UnsetType = UNSET
    content_type: Annotated[str, Meta(description="media type; by default by the file's name")] | UnsetType = UNSET
    size: Annotated[int, Meta(ge=1, description="bytes, to be checked; by default the file's")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        exactly_one(self, *TARGETS)


class NewAttachment(Struct, frozen=True, kw_only=True):
    """What step 1 takes."""

    name: str
    content_type: str
    size: int
    attachable_type: str


def _new(value: Attachment) -> NewAttachment:
    (target,) = given(value, *TARGETS)
    name, content_type, size = value.name, value.content_type, value.size
    assert name is not UNSET, "intake has looked at the file"
    assert content_type is not UNSET, "as for the name"
    assert size is not UNSET, "as for the name"
    return NewAttachment(name=name, content_type=content_type, size=size, attachable_type=target.removesuffix("_id"))


ATTACHMENTS = Resource(
    name="attachments",
    struct=Attachment,
    guarantee=NaturalKey(("name", "size", *TARGETS)),  # a target shows with the last step, which is all that counts
    writes=frozenset({"create"}),
    doc=f"{DOCS}attachments",
    steps=(
        Create(NewAttachment, _new),
        Upload(STORAGE, form="aws_policy", file="file"),
        Locate("temp_url"),
        Link("attachments", TARGETS),
    ),
)
