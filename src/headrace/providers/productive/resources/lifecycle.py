"""The actions that several resources have: archived and back (the `archive` and `restore` pages of each of them)."""

from types import MappingProxyType
from typing import Final

from headrace.provider import SOMETHING, Action

ARCHIVE: Final = Action(
    name="archive",
    description="archived",
    tail="/archive",
    is_repeatable=True,
    leaves=MappingProxyType({"archived_at": SOMETHING}),
)

RESTORE: Final = Action(
    name="restore",
    description="no longer archived",
    tail="/restore",
    is_repeatable=True,
    leaves=MappingProxyType({"archived_at": None}),
)
