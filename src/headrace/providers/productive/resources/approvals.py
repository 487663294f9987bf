"""What time entries and expenses have in common: they are approved, and no longer so. Many may go in one request."""

from types import MappingProxyType
from typing import Final

from headrace.provider import Action

APPROVE: Final = Action(
    name="approve",
    description="approved",
    tail="/approve",
    collective=True,
    is_repeatable=True,
    leaves=MappingProxyType({"approved": True}),
)

UNAPPROVE: Final = Action(
    name="unapprove",
    description="no longer approved",
    tail="/unapprove",
    collective=True,
    is_repeatable=True,
    leaves=MappingProxyType({"approved": False}),
)
