"""Limits: how much an API lets pass, and which requests it counts together."""

from msgspec import Struct


class Limit(Struct, frozen=True):
    """At most `calls` requests in any `per` seconds, counted per `scope` (`token`, `organization`, `user`).

    With `routes` it counts only requests of that route class (`Route`), which then count in the general limits as well.
    """

    calls: int
    per: float
    scope: str = "token"
    routes: str | None = None

    @property
    def name(self) -> str:
        """What to call the window in reports, for example `100/10s` or `reports 10/30s`."""
        window = f"{self.calls}/{self.per:g}s"
        return window if self.routes is None else f"{self.routes} {window}"


class Route(Struct, frozen=True, kw_only=True):
    """A class of requests that has limits of its own: those to a path below `prefix`, by one of `methods` if any."""

    name: str
    prefix: str = "/"
    methods: frozenset[str] = frozenset()

    def covers(self, method: str, path: str) -> bool:
        """Whether a request is of this class."""
        return path.startswith(self.prefix) and (not self.methods or method in self.methods)


class WorkLimit(Struct, frozen=True):
    """At most `seconds` of the server's own time in any `per` seconds, counted per `scope` in fixed windows.

    The windows begin at multiples of `per` since the epoch, and `per` is a whole number of hours.
    """

    seconds: float
    per: float
    scope: str = "organization"

    @property
    def name(self) -> str:
        """What to call it in reports, for example `1800s of server time/3600s`."""
        return f"{self.seconds:g}s of server time/{self.per:g}s"
