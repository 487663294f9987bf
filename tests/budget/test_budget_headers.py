"""What the headers of a 429 ask for (RELIABILITY.md 1.10)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch.permits.headers import LONGEST_PAUSE, retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
LATER = "Sun, 01 Mar 2026 12:00:42 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-ratelimit-reset": "7"}, 7),
        ({"x-ratelimit-reset": "2.5"}, 2.5),
        ({"x-ratelimit-reset": "7", "retry-after": "30"}, 7),
        ({"x-ratelimit-reset": "soon", "retry-after": "30"}, 30),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": "nan"}, None),
        ({"x-ratelimit-reset": "inf"}, None),
        ({"x-ratelimit-reset": "1772366442"}, 42),
        ({"x-ratelimit-reset": "1772366442", "date": LATER}, 0),
        ({"x-ratelimit-reset": "1767225600"}, None),
        ({"x-ratelimit-reset": "1767225600", "retry-after": "5"}, 5),
        ({"x-ratelimit-reset": "20000"}, LONGEST_PAUSE),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": LATER}, 42),
        ({"retry-after": LATER, "date": "Sun, 01 Mar 2026 12:00:02 GMT"}, 40),
        ({"retry-after": LATER, "date": "yesterday"}, 42),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT", "date": DATE}, 0),
        ({"retry-after": "Mon, 01 Mar 2027 12:00:00 GMT", "date": DATE}, LONGEST_PAUSE),
        ({"retry-after": "Sunday, 01-Mar-26 12:00:42 GMT"}, 42),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:42 +99999999999999"}, None),
        ({"retry-after": "Sun, 99 Foo 2026 12:00:42 GMT"}, None),
    ],
)
def test_what_the_headers_ask_for(headers: dict[str, str], seconds: float | None) -> None:
    """The provider's own header, then seconds, then a date against the answer's own; garbage is no word."""
    assert retry_after(headers, "X-RateLimit-Reset", now=NOW) == seconds


def test_only_the_providers_own_header_is_read() -> None:
    """A header that the provider does not document says nothing: it might hold an epoch."""
    assert retry_after({"x-ratelimit-reset": "7"}) is None


numbers = st.integers() | st.integers(0, 60)
dates = st.builds(
    "Sun, {} Mar {} {}:{}:{} {}".format, numbers, numbers, numbers, numbers, numbers, numbers | st.just("GMT")
)
values = st.text() | st.floats().map(str) | dates


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["x-ratelimit-reset", "retry-after", "date"]), values))
def test_whatever_they_hold_the_answer_is_bounded(headers: dict[str, str]) -> None:
    """No header, however odd, raises an error, makes us wait for ever, or travel in time."""
    seconds = retry_after(headers, "X-RateLimit-Reset", now=NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_PAUSE
