"""What the headers of a 429 say about how long to stay away. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_PAUSE: Final = 900.0
"""Seconds: whatever a header says, nobody waits longer than this before asking once more."""

EPOCH: Final = 1e8
"""A number above this is no duration: it is three years, or an instant of 1973 and later."""
DAY: Final = 86_400.0
"""Seconds: an instant further away than this from the answer's own is garbage."""


def retry_after(
    headers: Mapping[str, str], reset_header: str | None = None, *, now: datetime | None = None
) -> float | None:
    """Return for how many seconds, 0 to `LONGEST_PAUSE`, a 429 asks us to pause; None where it does not say.

    `reset_header` is the provider's own header (`Provider.reset_header`), which holds seconds from now and goes before
    `Retry-After`, which holds seconds or a date (RFC 9110, 10.2.3). A date is measured against the answer's own `Date`,
    because our clock may be wrong; without one against `now`, by default the present; so is a number that can only be
    an instant of the epoch. What lies in the past is 0, what cannot be understood is as good as absent. Names in
    `headers` are lower case.
    """
    answered = _date(headers.get("date", "")) or now or datetime.now(UTC)
    own = _wait(headers.get(reset_header.lower(), ""), answered) if reset_header else None
    asked = headers.get("retry-after", "")
    candidates = (own, _wait(asked, answered), _seconds_until(asked, answered))
    found = next((one for one in candidates if one is not None), None)
    return None if found is None else min(max(found, 0.0), LONGEST_PAUSE)


def seconds(text: str) -> float | None:
    """Return `text` as a finite number of seconds, None where it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _wait(text: str, answered: datetime) -> float | None:
    """Return the seconds that a number asks to wait. A very large one is an instant of the epoch, as some send it."""
    number = seconds(text)
    if number is None or number < EPOCH:
        return number
    wait = number - answered.timestamp()
    return wait if abs(wait) < DAY else None


def _seconds_until(text: str, answered: datetime) -> float | None:
    until = _date(text)
    return None if until is None else (until - answered).total_seconds()


def _date(text: str) -> datetime | None:
    """Return the HTTP date `text`, None where it is none. Dates without a zone are in UTC, as all HTTP dates."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):  # the parser leaks what it stumbles over
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
