"""The forecast for a server that estimates a window from two fixed ones: its sum decays, and makes room bit by bit."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from headrace.dispatch.permits.history import History, history_of

BLOCKS: Final = 50
"""A window is played in so many blocks of requests: a part of a percent is exact enough, and a hundred times faster."""
ROUNDS: Final = 3
"""Windows that are played out; from there on the server lets through what one window allows in its length."""


class Decay(Struct, frozen=True):
    """A counter-safe window as the forecast finds it: calls, hold, and how many seconds ago requests were counted.

    `ages` are in order, the oldest first. `round_trip` is the mean seconds from a request to its answer.
    """

    calls: int
    hold: float
    ages: Sequence[float]
    round_trip: float


def last_let_through(requests: int, decay: Decay, gap: float) -> float:
    """Return in how many seconds the last of `requests` is let through, sent `gap` seconds apart or later."""
    history = history_of((-age for age in decay.ages), decay.hold)
    block, left, at = max(1, decay.calls // BLOCKS), requests, 0.0
    while left > 0 and at < ROUNDS * decay.hold:
        number = min(block, left)
        at = _let_through(history, number, decay, at + number * gap)
        left -= number
    return at + left * max(gap, decay.hold / decay.calls)


def _let_through(history: History, number: int, decay: Decay, earliest: float) -> float:
    at = history.free_at(earliest, decay.hold, decay.calls - number)
    history.count(at + decay.round_trip, decay.hold, number)
    history.expire(at, decay.hold)
    return at
