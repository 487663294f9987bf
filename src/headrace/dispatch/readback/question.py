"""A question to the provider: a listing that holds every record which may be one of some rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct


class Question(Struct, frozen=True, kw_only=True):
    """`filters` and `include` are those of `Wire.listing`; `places` say which of the rows asked for it is about.

    With `members` it is about the records that one is related to: the resource, the id, and the relation.
    """

    filters: Mapping[str, Any]
    places: Sequence[int]
    include: Sequence[str] = ()
    members: tuple[str, str, str] | None = None
