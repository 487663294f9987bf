"""What several Agiled resources share: ids of other records, and what a lost answer costs."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from headrace.provider import IdempotencyKey, NaturalKey
from headrace.provider.table import REFERENCE

DOCS: Final = "https://agiled-docs.pages.dev/docs/developers/"
"""The vendor's own pages; they name what a record holds, and not what its fields are called."""

KEPT: Final = 30 * 86_400.0
"""Seconds for which an answer is kept under its idempotency key (`idempotency`)."""

ProjectId: TypeAlias = Annotated[int, Meta(ge=1, description="the project", extra={REFERENCE: "projects"})]
TaskId: TypeAlias = Annotated[int, Meta(ge=1, description="the task", extra={REFERENCE: "tasks"})]
UserId: TypeAlias = Annotated[int, Meta(ge=1, description="id of a user of the workspace")]


def keyed(*fields: str) -> IdempotencyKey:
    """Return the guarantee of a resource: the key for as long as it is kept, then records that match in `fields`."""
    return IdempotencyKey(window=KEPT, then=NaturalKey(fields))
