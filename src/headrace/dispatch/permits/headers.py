"""What the headers of a 429 say about how long to stay away. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_PAUSE: Final = 900.0
"""Seconds: whatever a header says, nobody waits longer than this before asking once more."""


def retry_after(
    headers: Mapping[str, str], reset_header: str | None = None, *, now: datetime | None = None
) -> float | None:
    """Return for how many seconds, 0 to `LONGEST_PAUSE`, a 429 asks us to pause; None where it does not say.

    `reset_header` is the provider's own header (`Provider.reset_header`), which holds seconds from now and goes before
    `Retry-After`, which holds seconds or a date (RFC 9110, 10.2.3). A date is measured against the answer's own `Date`,
    because our clock may be wrong; without one against `now`, by default the present. What lies in the past is 0, what
    cannot be understood is as good as absent. Names in `headers` are lower case.
    """
    own = _seconds(headers.get(reset_header.lower(), "")) if reset_header else None
    asked = headers.get("retry-after", "")
    candidates = (own, _seconds(asked), _seconds_until(asked, headers.get("date", ""), now))
    found = next((seconds for seconds in candidates if seconds is not None), None)
    return None if found is None else min(max(found, 0.0), LONGEST_PAUSE)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _seconds_until(text: str, answered: str, now: datetime | None) -> float | None:
    until = _date(text)
    if until is None:
        return None
    return (until - (_date(answered) or now or datetime.now(UTC))).total_seconds()


def _date(text: str) -> datetime | None:
    """Return the HTTP date `text`, None where it is none. Dates without a zone are in UTC, as all HTTP dates."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):  # the parser leaks what it stumbles over
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
