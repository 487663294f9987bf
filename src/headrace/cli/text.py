"""Text from strangers, made safe to show: what a cell or a server says must not command the reader's terminal."""

import re
from typing import Final

_BREAKS: Final = re.compile(r"[\r\n]+")
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f"  # C0 without tab, DEL, C1
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # reorder what is read: bidirectional controls
    "\ud800-\udfff]"  # halves of a pair, which cannot be written
)


def clean(text: object) -> str:
    """Return `text` on one line and without control characters; tabs stay, line breaks become blanks."""
    return _UNSAFE.sub("", _BREAKS.sub(" ", str(text)))


def shortened(text: object, width: int = 80) -> str:
    """Return `text` cleaned and, where it is longer than `width` characters, cut with an ellipsis."""
    line = clean(text)
    return line if len(line) <= width else line[: width - 1] + "…"


def count(number: int, noun: str) -> str:
    """Return how many there are, in words: `1 row`, `1,204 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {_plural(noun)}"


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def span(seconds: float) -> str:
    """Return a duration in seconds in words: `30 s`, `12 min 5 s`, `2 h 30 min`."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    if minutes < 60:
        return " ".join(filter(None, (f"{minutes} min" * bool(minutes), f"{rest} s" * bool(rest or not minutes))))
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h" + f" {minutes} min" * bool(minutes)


def clock(seconds: float) -> str:
    """Return a duration in seconds as people read it: `0:42`, `1:02:03`."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
