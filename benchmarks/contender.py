"""The contender: a limiter in one configuration, as every one of them enters the comparison in `budget`."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Final, TypeAlias

from msgspec import Struct

from headrace.provider import Limit

SHORT: Final = Limit(100, 10)
LONG: Final = Limit(4000, 1800, "organization")
"""The two windows of https://developer.productive.io/guides/rate-limits, which every contender is set to keep."""

Clock: TypeAlias = Callable[[], float]
"""Returns seconds of the virtual time."""

Answered: TypeAlias = Callable[[], object]
"""Is called when the answer is there."""

Acquire: TypeAlias = Callable[[], Awaitable[Answered]]
"""Waits until one more request may be sent."""


class Contender(Struct, frozen=True, kw_only=True):
    """A limiter in one configuration. `enter` makes it anew, in a running loop, and lends it that loop's clock.

    `is_instant` has its requests counted and answered the moment they are sent: what the limiter itself costs.
    """

    name: str
    enter: Callable[[Clock], AbstractContextManager[Acquire]]
    is_instant: bool = False


def unheard() -> None:
    """Take note of an answer for a limiter that does not ask for it."""
