"""The server's clock, as far as its answers tell it: what a record can be older than, and what it cannot."""

from asyncio import get_running_loop
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from headrace.dispatch.transport import Sender
from headrace.model import Request, Response

MARGIN: Final = 5.0
"""Seconds by which the clocks of one provider's servers may differ."""


class ServerTime:
    """Estimates the server's time from below. One per connection; `note` is called for every answer.

    Mutable state: the latest answer's date, and the loop's time when it came. Our own wall clock is never asked.
    """

    def __init__(self) -> None:
        self._date: float | None = None
        self._seen = 0.0

    def note(self, response: Response) -> None:
        """Take note of the date of an answer that has just come."""
        date = date_of(response.headers)
        if date is not None:
            self._date, self._seen = date, get_running_loop().time()

    def earliest(self) -> float | None:
        """Return seconds since the epoch before which the server's clock is not now, less a margin; None if unknown.

        The answer was given before it was seen, and its date is cut to whole seconds: both only make it earlier.
        """
        if self._date is None:
            return None
        return self._date + (get_running_loop().time() - self._seen) - MARGIN

    def __repr__(self) -> str:
        return f"<ServerTime: {self._date} at {self._seen}>"


class Timed:
    """The layer that reads the date of every answer. Outside HTTP, which knows no time but its own limits."""

    def __init__(self, inner: Sender, time: ServerTime) -> None:
        self._inner = inner
        self._time = time

    async def send(self, request: Request) -> Response:
        """See `Sender.send`."""
        response = await self._inner.send(request)
        self._time.note(response)
        return response


def date_of(headers: Mapping[str, str]) -> float | None:
    """Return the time in the `Date` of an answer, in seconds since the epoch; None where it tells none."""
    try:
        date = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, OverflowError):
        return None
    return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
