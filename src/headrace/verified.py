"""What a verification found, of an import and of each of its loads."""

from typing import Any, Final

from msgspec import Struct

from headrace.minutes import Minutes

MOST: Final = 1_000
"""Differences that are told, and as many changed rows; all are counted."""


class Place(Struct, frozen=True, kw_only=True):
    """The row of a load that made the record `id`, or did something with it.

    `line` is None where the source does not have the row any more.
    """

    file: str
    line: int | None
    load: str
    id: str


class Difference(Place, frozen=True, kw_only=True):
    """A field of a record that is not what was sent.

    Where the record is not there `field` is None; where it was deleted and is there still, `field` is its `id`.
    """

    field: str | None = None
    sent: Any = None
    found: Any = None


class LoadVerified(Struct, frozen=True, kw_only=True):
    """What was found of one load: rows `checked`, of which some are `differing` or `missing`.

    `changed` are rows that are done and of which the source does not say what was sent any more; of these it is only
    told where their records are missing.
    """

    name: str
    resource: str
    operation: str
    checked: int
    differing: int
    missing: int
    changed: int


class Verified(Struct, frozen=True, kw_only=True, rename={"import_name": "import"}):
    """What a verification found; the numbers are those of all loads. `minutes` are compared with the time report.

    Of `differences` and `changed_rows` the first `MOST` are told.
    """

    import_name: str
    provider: str
    checked: int
    differing: int
    missing: int
    changed: int
    requests: int
    seconds: float
    loads: tuple[LoadVerified, ...]
    differences: tuple[Difference, ...]
    changed_rows: tuple[Place, ...]
    minutes: tuple[Minutes, ...]
    notices: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The command's exit code: 0 when everything is as it was sent, 4 when not."""
        is_short = any(one.found < one.sent for one in self.minutes)
        return 4 if self.differing or self.missing or is_short else 0
