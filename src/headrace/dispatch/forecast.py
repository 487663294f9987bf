"""The forecast: when the last of so many more requests will be sent. The gate's own rule, played forward; pure."""

from bisect import insort
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

NOTICED: Final = 0.5
"""Seconds: what makes no more difference than this does not bind."""
ROUNDS: Final = 1
"""Rounds of the widest window that are played out after the past has gone; from there on they repeat themselves."""


class Track(Struct, frozen=True, gc=False):
    """One window as the forecast finds it: its size, its hold in seconds, and when the slots now held come free.

    `releases` are seconds from now, in order. Writers are a window too: as wide as there are writers, with no hold.
    `name` is the limit's.
    """

    calls: int
    hold: float
    releases: Sequence[float] = ()
    name: str = ""


class Pace(Struct, frozen=True, gc=False):
    """How the pacer goes on: `gap` and `tolerance` as in `Pacer`, and the seconds until its bucket is empty."""

    gap: float = 0.0
    tolerance: float = 0.0
    backlog: float = 0.0


class Stage(Struct, frozen=True, gc=False):
    """Requests that are sent side by side: a load's batches, or one page after the other.

    `concurrency` is how many are under way at once, None for as many as the limits allow. A stage begins when the one
    before it has its last answer. `route` is the class that they are counted in, None for the general one.
    """

    requests: int
    concurrency: int | None = None
    route: str | None = None


class Rhythm(Struct, frozen=True):
    """A constraint in the long run: `requests` of them every `seconds`."""

    requests: int
    seconds: float

    @property
    def gap(self) -> float:
        """The seconds for one request."""
        return self.seconds / self.requests


class Turnstile(Protocol):
    """What else holds requests up, one by one, as it is played forward. Instants are seconds from now, and never fall.

    `rhythm` is its own in the long run, `settles_at` from when on it keeps to it, if it is what decides.
    """

    rhythm: Rhythm
    settles_at: float

    def free_at(self, at: float) -> float:
        """Return when it lets one more through, at `at` or later."""

    def take(self, at: float) -> None:
        """Let one through at `at`. Follows upon `free_at`."""

    def skip(self, seconds: float) -> None:
        """Have `seconds` pass, at the end of which everything is as it was."""


class Course(Struct, frozen=True):
    """All that decides when requests are sent.

    `pause` is how many seconds nothing may be sent, `round_trip` the mean seconds from a request to its answer,
    `under_way` in how many seconds each answer that is awaited now is expected, in order. `turnstiles`
    make what else holds requests up, by the limit's name; `gates` say of what is too slow to be played in how many
    seconds it lets the last of so many through. `apart` are the limits that count one class of requests only: the
    limit's name to the class.
    """

    tracks: Sequence[Track]
    pace: Pace = Pace()
    round_trip: float = 0.0
    pause: float = 0.0
    under_way: Sequence[float] = ()
    turnstiles: Mapping[str, Callable[[], Turnstile]] = MappingProxyType({})
    gates: Mapping[str, Callable[[int], float]] = MappingProxyType({})
    apart: Mapping[str, str | None] = MappingProxyType({})

    def without(self, name: str) -> "Course":
        """Return what it would be without the limit of that name; the pacer spaces the shortest one."""
        general = (track for track in self.tracks if self.apart.get(track.name) is None)
        paced = min(general, key=lambda track: track.hold, default=None)
        return replace(
            self,
            tracks=[track for track in self.tracks if track.name != name],
            pace=Pace() if paced is not None and paced.name == name else self.pace,
            turnstiles={key: make for key, make in self.turnstiles.items() if key != name},
            gates={key: gate for key, gate in self.gates.items() if key != name},
        )


def last_send(requests: int, course: Course, route: str | None = None) -> float:
    """Return in how many seconds the last of `requests`, of the class `route`, is sent: as early as `course` allows.

    Plays the schedule until the past has no part in it any longer; from then on it repeats itself in the rhythm of the
    tightest constraint. So it takes time in proportion to `requests`, or to the calls of the widest window.
    """
    if not requests:
        return 0.0
    player = _Player(course)
    player.begin(0.0, None, route)
    return max(player.play(requests), _let_through(requests, course))


def last_answer(stages: Sequence[Stage], course: Course) -> float:
    """Return in how many seconds the last of all requests of `stages` is answered, 0 where there are none.

    The first stage goes on with what is under way, which the others wait for. Takes time as `last_send` does for each.
    """
    player, answered = _Player(course), 0.0
    awaited = course.under_way
    for stage in stages:
        sent = 0.0
        if stage.requests:
            writers = None if stage.concurrency is None else Track(stage.concurrency, 0.0, awaited)
            player.begin(answered, writers, stage.route)
            sent = player.play(stage.requests) + course.round_trip
        answered = max([answered, sent, *awaited])
        awaited = ()
    requests = sum(stage.requests for stage in stages)
    return max(answered, _let_through(requests, course) + course.round_trip) if requests else answered


def binding(stages: Sequence[Stage], course: Course) -> str | None:
    """Return the name of the limit without which `stages` would end soonest, None where they would not end sooner."""
    names = {*(track.name for track in course.tracks), *course.turnstiles, *course.gates}
    ends = {name: last_answer(stages, course.without(name)) for name in sorted(names)}
    soonest = min(ends, key=ends.__getitem__, default=None)
    return soonest if soonest is not None and ends[soonest] < last_answer(stages, course) - NOTICED else None


def _let_through(requests: int, course: Course) -> float:
    """Return when all gates let the last of `requests` through."""
    return max((gate(requests) for gate in course.gates.values()), default=0.0)


class _Player:
    """Plays a course forward.

    Mutable state: its turnstiles, those of them that the present stage passes, when the next may be sent, and when the
    pacer is empty.
    """

    def __init__(self, course: Course) -> None:
        self._round_trip = course.round_trip
        self._pace = course.pace
        self._all: list[tuple[str | None, int, Turnstile]] = [
            (course.apart.get(track.name), track.calls, _Window(track, course.round_trip)) for track in course.tracks
        ]
        self._all += [(course.apart.get(name), 1, make()) for name, make in course.turnstiles.items()]
        self._turnstiles: list[Turnstile] = []
        self._widest, self._past = 1, 0.0
        self._at, self._empty_at = course.pause, course.pace.backlog
        self.begin(0.0, None, None)

    def begin(self, at: float, writers: Track | None, route: str | None) -> None:
        """Send nothing before `at`, from then on requests of the class `route`, no more at once than `writers` hold."""
        self._at = max(self._at, at)
        passed = [(calls, turnstile) for own, calls, turnstile in self._all if own in {None, route}]
        if writers is not None:
            passed.append((writers.calls, _Window(writers, self._round_trip)))
        self._turnstiles = [turnstile for _, turnstile in passed]
        self._widest = max((calls for calls, _ in passed), default=1)
        self._past = max((turnstile.settles_at for turnstile in self._turnstiles), default=0.0)

    def play(self, requests: int) -> float:
        """Send `requests`, at least one; return when the last of them goes."""
        rhythm, rounds_played = self._rhythm(), ROUNDS * self._widest
        played, seen = 0, deque[float](maxlen=rounds_played)
        while played < requests:
            self.send()
            seen.append(self._at)
            played += 1
            if played >= rounds_played + rhythm.requests and seen[0] > self._past:
                rounds = (requests - played) // rhythm.requests
                self._skip(rounds * rhythm.seconds)
                for _ in range(requests - played - rounds * rhythm.requests):
                    self.send()
                break
        return self._at

    def send(self) -> float:
        """Send one more; return when."""
        pace, at = self._pace, self._at
        at = max(at, self._empty_at - pace.tolerance)
        for turnstile in self._turnstiles:
            at = turnstile.free_at(at)
        for turnstile in self._turnstiles:
            turnstile.take(at)
        self._empty_at = max(self._empty_at, at) + pace.gap
        self._at = at
        return at

    def _skip(self, seconds: float) -> None:
        """Let rounds pass that are all alike: afterwards everything is as it was, so many seconds later."""
        self._at += seconds
        self._empty_at += seconds
        for turnstile in self._turnstiles:
            turnstile.skip(seconds)

    def _rhythm(self) -> Rhythm:
        """Return the constraint that decides in the long run."""
        rhythms = [turnstile.rhythm for turnstile in self._turnstiles]
        return max([*rhythms, Rhythm(1, self._pace.gap)], key=lambda rhythm: rhythm.gap)


class _Window:
    """Mutable state: `spare` slots that were never taken, and when the slots taken come free, in order.

    Where more are taken than there are, as after a cut, `spare` is negative: so many must come free first.
    """

    __slots__ = ("held", "releases", "rhythm", "settles_at", "spare")

    def __init__(self, track: Track, round_trip: float) -> None:
        self.releases = deque(track.releases)
        self.spare = track.calls - len(self.releases)
        self.held = track.hold + round_trip
        self.rhythm = Rhythm(track.calls, self.held)
        self.settles_at = max(track.releases, default=0.0)

    def free_at(self, at: float) -> float:
        """Return when there is room for one more, at `at` or later."""
        if self.spare > 0:
            return at
        freed = self.releases[-self.spare]
        return max(at, freed)

    def take(self, at: float) -> None:
        """Take a slot at `at`. Only those that lingering requests hold can come free later than it."""
        if self.spare > 0:
            self.spare -= 1
        else:
            self.releases.popleft()
        freed = at + self.held
        if self.releases and freed < self.releases[-1]:
            insort(self.releases, freed)
        else:
            self.releases.append(freed)

    def skip(self, seconds: float) -> None:
        """Move everything by `seconds`."""
        self.releases = deque(release + seconds for release in self.releases)
