"""What several resources have in common: they are archived and restored, and not deleted.

The actions are the `archive` and `restore` pages of each of them. The specification has 79 operations that delete, and
none of these resources is among them; only the prose about companies says otherwise. To try would be worse than to
refuse: the answer to a path that is not there, 404, is also that to a record that is gone already.
"""

from types import MappingProxyType
from typing import Final

from headrace.provider import SOMETHING, Action

KEPT: Final = frozenset({"create", "update"})
"""The writes of what cannot be deleted."""

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
