"""The forecast: when the last of so many more requests will be sent. The gate's own rule, played forward; pure."""

from bisect import insort
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Final

from msgspec import Struct

ROUNDS: Final = 1
"""Rounds of the widest window that are played out after the past has gone; from there on they repeat themselves."""


class Track(Struct, frozen=True, gc=False):
    """One window as the forecast finds it: its size, its hold in seconds, and when the slots now held come free.

    `releases` are seconds from now, in order. Writers are a window too: as wide as there are writers, with no hold.
    """

    calls: int
    hold: float
    releases: Sequence[float] = ()


class Pace(Struct, frozen=True, gc=False):
    """How the pacer goes on: `gap` and `tolerance` as in `Pacer`, and the seconds until its bucket is empty."""

    gap: float = 0.0
    tolerance: float = 0.0
    backlog: float = 0.0


class Course(Struct, frozen=True):
    """All that decides when requests are sent.

    `pause` is how many seconds nothing may be sent, `round_trip` the mean seconds from a request to its answer.
    """

    tracks: Sequence[Track]
    pace: Pace = Pace()
    round_trip: float = 0.0
    pause: float = 0.0


class _Rhythm(Struct, frozen=True):
    """A constraint in the long run: `requests` of them every `seconds`."""

    requests: int
    seconds: float

    @property
    def gap(self) -> float:
        return self.seconds / self.requests


def last_send(requests: int, course: Course) -> float:
    """Return in how many seconds the last of `requests` is sent: the earliest schedule that `course` allows.

    Plays the schedule until the past has no part in it any longer; from then on it repeats itself in the rhythm of the
    tightest constraint. So it takes time in proportion to `requests`, or to the calls of the widest window.
    """
    rhythm = _rhythm(course)
    widest = max([track.calls for track in course.tracks], default=1)
    past = max([release for track in course.tracks for release in track.releases], default=0.0)
    sent = [0.0]
    for at in islice(_schedule(course), requests):
        sent.append(at)
        if len(sent) > ROUNDS * widest + rhythm.requests and sent[-ROUNDS * widest] > past:
            break
    left = requests + 1 - len(sent)
    rounds = -(-left // rhythm.requests)
    return sent[left - rounds * rhythm.requests - 1] + rounds * rhythm.seconds


def _rhythm(course: Course) -> _Rhythm:
    """Return the constraint that decides in the long run."""
    windows = [_Rhythm(track.calls, track.hold + course.round_trip) for track in course.tracks]
    return max([*windows, _Rhythm(1, course.pace.gap)], key=lambda rhythm: rhythm.gap)


def _schedule(course: Course) -> Iterator[float]:
    """Yield the instants at which one request after the other is sent."""
    windows = [_Window(track, course.round_trip) for track in course.tracks]
    gap, tolerance = course.pace.gap, course.pace.tolerance
    at, empty_at = course.pause, course.pace.backlog
    for number in count():
        at = max(at, empty_at - tolerance)
        for window in windows:
            awaited = window.ahead + number
            if awaited >= 0 and window.releases[awaited] > at:
                at = window.releases[awaited]
        for window in windows:
            window.release(at + window.held)
        empty_at = max(empty_at, at) + gap
        yield at


class _Window:
    """Mutable state: `releases`, the instants at which the slots taken so far come free, in order.

    The request of 0-based number n goes when those up to position n + `ahead` have come free.
    """

    __slots__ = ("ahead", "held", "releases")

    def __init__(self, track: Track, round_trip: float) -> None:
        self.releases = list(track.releases)
        self.ahead = len(self.releases) - track.calls
        self.held = track.hold + round_trip

    def release(self, at: float) -> None:
        """Have one more slot come free at `at`. Only those that lingering requests hold can be later."""
        if self.releases and at < self.releases[-1]:
            insort(self.releases, at)
        else:
            self.releases.append(at)
