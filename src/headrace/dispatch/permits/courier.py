"""The courier: takes the permit log's errands to Redis and back, again where the connection breaks. The only `redis`.

One script (`log.lua`) does each errand in one atomic step, by the server's clock. The marker tells whether Redis still
holds what we have put there: the script compares it with the one that the courier has seen.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from headrace.dispatch.clock import Clock
from headrace.errors import UnreachableError, UsageError
from headrace.identity import digest

PATIENCE: Final = 60.0
"""Seconds without Redis after which the run ends; until then nothing is granted."""
ANSWERS_WITHIN: Final = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_DAY: Final = 86_400.0


class Errand(Struct, frozen=True):
    """One call of the script: what to do, the keys it touches besides the three of the log, and its arguments."""

    verb: str
    keys: Sequence[str] = ()
    arguments: Sequence[str | float] = ()


class Courier:
    """Mutable state: the marker that was seen last, and since when Redis has not answered, None while it does."""

    def __init__(self, script: Any, prefix: str, linger: float, marker: Path | None, clock: Clock) -> None:
        self._script = script
        self._prefix = prefix
        self._linger = linger
        self._file = marker
        self._clock = clock
        self._marker = _remembered(marker)
        self._silent_since: float | None = None

    async def run(self, errand: Errand) -> list[Any]:
        """Do the errand and return the script's answer after the marker; again until it is done.

        A second attempt at one that was done after all does no harm: a permit is ended once, and one that nobody knows
        of counts as lost in the end. Raises `UnreachableError` when Redis has not answered for `PATIENCE` seconds.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._try(errand)
            except _foreign() as error:
                self._note_silence(error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _try(self, errand: Errand) -> list[Any]:
        own = [f"{self._prefix}{name}" for name in ("marker", "lost", "number")]
        marker, *answer = await self._script(
            keys=[*own, *(f"{self._prefix}{key}" for key in errand.keys)],
            args=[errand.verb, self._marker, secrets.token_hex(8), self._linger, *errand.arguments],
        )
        self._silent_since = None
        if marker != self._marker:
            self._marker = marker
            _remember(self._file, marker)
        return list(answer)

    def _note_silence(self, error: Exception) -> None:
        now = self._clock()
        self._silent_since = now if self._silent_since is None else self._silent_since
        if now - self._silent_since >= PATIENCE:
            raise UnreachableError(
                f"the budget in Redis has not answered for {PATIENCE:.0f} seconds ({type(error).__name__})",
                hint="nothing may be sent without it; run the same command again when it does",
            ) from None


@asynccontextmanager
async def open_courier(
    url: str, name: str, *, linger: float, marker: Path | None, clock: Clock
) -> AsyncIterator[Courier]:
    """Connect to the Redis at `url`; `name` says whose windows they are, and is digested.

    `marker` is the file in which this machine remembers what it has seen there. Raises `UsageError` where the URL or
    the package `redis` is not there, `UnreachableError` where Redis is not. Neither shows the URL's password.
    """
    redis = _package()
    where = _shown(url)
    try:
        client = redis.from_url(
            url, decode_responses=True, socket_timeout=ANSWERS_WITHIN, socket_connect_timeout=ANSWERS_WITHIN
        )
    except ValueError:
        raise UsageError(f"{where} is no Redis URL", hint="give it as redis://host:6379/0") from None
    try:
        await _greet(client, where)
        # One hash tag for all keys of an API, so that a cluster keeps them in one place.
        prefix = f"headrace:{{{digest(name.encode()).hex()}}}:"
        script = client.register_script(files("headrace.dispatch.permits").joinpath("log.lua").read_text("utf-8"))
        yield Courier(script, prefix, linger, marker, clock)
    finally:
        await client.aclose()


async def _greet(client: Any, where: str) -> None:
    try:
        await client.ping()
    except _foreign() as error:
        raise UnreachableError(
            f"the budget at {where} cannot be reached ({type(error).__name__})",
            hint="start Redis, correct --budget, or leave it out: the budget is then kept on this machine",
        ) from None


def _package() -> Any:
    try:
        import redis.asyncio  # noqa: PLC0415  # an extra, loaded when it is used
    except ImportError:
        raise UsageError("a budget in Redis needs the package redis", hint="pip install 'headrace[redis]'") from None
    return redis.asyncio


def _foreign() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError  # noqa: PLC0415  # see above

    return RedisError, OSError, TimeoutError


def _shown(url: str) -> str:
    """Return the URL without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _remembered(marker: Path | None) -> str:
    """Return the marker that this machine saw last, empty where it saw none in the last days."""
    try:
        if marker is None or abs(marker.stat().st_mtime - time.time()) > 2 * _DAY:
            return ""
        return marker.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _remember(file: Path | None, marker: str) -> None:
    if file is None:
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(marker, "ascii")
    except OSError:
        return  # a loss between two runs then goes unnoticed, as on a machine that is new
