"""The store of a shared permit log in Redis: one script is one step, by Redis' own clock. The only redis-py.

Redis 6.2 or later, or Valkey. Keys begin with `headrace:` and hold digests; the braces in them keep all that a step
touches in one slot of a cluster. redis-py (MIT) is an extra, imported only when it is used: its asyncio client, for a
step takes a fraction of a millisecond of the loop's time, and what a thread is told would have to be handed over.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from anyio import CancelScope

from headrace.dispatch.clock import Clock, boottime
from headrace.dispatch.permits.folder import state_folder
from headrace.dispatch.permits.memory import LINGER
from headrace.dispatch.permits.recollection import Memory
from headrace.dispatch.permits.shared import LEASE, SharedLog
from headrace.dispatch.permits.step import Step, Told
from headrace.dispatch.permits.window import Window
from headrace.dispatch.permits.wire import encoded, told
from headrace.errors import CredentialsError, UnreachableError, UsageError
from headrace.identity import digest
from headrace.model import Secret

TIMEOUT: Final = 5.0
"""Seconds that connecting, and one step, may take."""
OLDEST: Final = (6, 2)
"""The first Redis whose streams are trimmed by age."""
VARIABLE: Final = "HEADRACE_BUDGET"
"""The environment variable that holds the address, so that a password in it is seen by nobody."""
CLOSING: Final = 5.0
"""Seconds for the last words: what is not told in time counts as lost when its lease ends."""
_SCHEMES: Final = frozenset({"redis", "rediss", "unix"})
_SCRIPT: Final = Path(__file__).with_name("step.lua")
_PASSING: Final = (
    "LOADING",
    "MISCONF",
    "NOREPLICAS",
    "BUSY",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "TRYAGAIN",
    "READONLY",
    "OOM",
)
"""How Redis begins to say that it cannot do something at the moment."""


class Address:
    """Where a Redis is, with whatever credentials its URL holds; shown without them. Raises `UsageError`."""

    def __init__(self, url: str | Secret) -> None:
        self._url = url if isinstance(url, Secret) else Secret(url)
        try:
            parts = urlsplit(self._url.reveal().strip())
            host, port, query = parts.hostname, parts.port, parse_qs(parts.query)
        except ValueError:  # its text may hold a part of the password
            raise _unusable("it is no URL") from None
        self.has_password = parts.password is not None or "password" in query
        if parts.scheme not in _SCHEMES:
            raise _unusable("it does not begin with redis://, rediss:// or unix://")
        if parts.scheme == "unix":
            self._shown = f"unix://{parts.path}"
        else:
            database = parts.path.removeprefix("/")
            if not host or not (database.isdecimal() or not database):
                raise _unusable("it names no host, or a database that is not a number")
            bracketed = f"[{host}]" if ":" in host else host
            self._shown = f"{parts.scheme}://{bracketed}:{port or 6379}/{database or 0}"

    def reveal(self) -> str:
        """Return the URL with all it holds. Only the connection is made of it."""
        return self._url.reveal().strip()

    def __str__(self) -> str:
        return self._shown

    __repr__ = __str__


class RedisStore:
    """Keeps the windows of one API in one Redis; see `Store`. `tag` is a digest of the API, the same for all of them.

    Raises `UsageError` where redis-py is not installed, Redis is too old or the address holds unusable options.
    """

    def __init__(self, address: Address, *, tag: str) -> None:
        try:
            from redis.asyncio import Redis  # noqa: PLC0415 - an extra, and only here
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415
        except ModuleNotFoundError:
            raise UsageError(
                f"the budget at {address} needs the Redis client", hint="pip install 'headrace[redis]'"
            ) from None
        self._address = address
        self._tag = tag
        try:
            self._redis: Any = Redis.from_url(
                address.reveal(),
                socket_timeout=TIMEOUT,
                socket_connect_timeout=TIMEOUT,
                retry=Retry(NoBackoff(), 0),
            )
        except (ValueError, TypeError):
            raise _unusable("an option in it cannot be used") from None
        self._script = self._redis.register_script(_SCRIPT.read_text("utf-8"))

    @classmethod
    async def open(cls, address: Address, *, tag: str, notice: Callable[[str], None]) -> Self:
        """Connect, and make sure that this Redis is one to keep a budget in. `notice` is told what is not ideal."""
        store = cls(address, tag=tag)
        try:
            with store._translated():
                info = {**await store._redis.info("server"), **await store._redis.info("memory")}
            store._check(info, notice)
        except BaseException:
            await store.close()
            raise
        return store

    async def take(self, step: Step) -> Told:
        """See `Store.take`."""
        keys = [
            f"{self._key(asked.key)}:{part}" for asked in step.windows for part in ("state", "under-way", "counted")
        ]
        keys += [f"{self._key(owner)}:work" for owner in step.owners]
        with self._translated():
            return told(await self._script(keys=keys, args=[encoded(step)]))

    async def close(self) -> None:
        """See `Store.close`."""
        await self._redis.aclose()

    def _key(self, key: str) -> str:
        return f"headrace:{{{self._tag}}}:{digest(b'permits', key.encode()).hex()}"

    def _check(self, info: dict[str, Any], notice: Callable[[str], None]) -> None:
        version = str(info.get("redis_version", ""))
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
        if numbers and numbers < OLDEST:
            raise UsageError(
                f"the budget at {self._address} is Redis {version}", hint="6.2 is the oldest that can keep one"
            )
        policy = str(info.get("maxmemory_policy", ""))
        if info.get("maxmemory") and policy.startswith("allkeys"):
            notice(
                f"The Redis at {self._address} evicts what it likes ({policy}). If that is the budget, nothing is sent "
                "for a whole window; give the budget a Redis with maxmemory-policy noeviction."
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise our errors in place of redis-py's, whose texts are not shown where they could hold an address."""
        from redis import exceptions as foreign  # noqa: PLC0415 - see above

        refused = (foreign.AuthenticationError, foreign.AuthorizationError, foreign.NoPermissionError)
        try:
            yield
        except refused:
            raise CredentialsError(
                f"the Redis at {self._address} does not accept the credentials", hint=f"put them into {VARIABLE}"
            ) from None
        except (foreign.ConnectionError, foreign.TimeoutError, OSError, TimeoutError) as error:
            raise self._unreachable(_reason(error)) from None
        except foreign.RedisError as error:
            word = str(error)
            if not isinstance(error, foreign.ResponseError) or word.startswith(_PASSING):
                raise self._unreachable(word.partition(".")[0]) from None
            if word.startswith("NOAUTH"):
                raise CredentialsError(
                    f"the Redis at {self._address} asks for credentials", hint=f"put them into {VARIABLE}"
                ) from None
            raise UsageError(f"the Redis at {self._address} cannot keep a budget: {word}") from None

    def _unreachable(self, reason: str) -> UnreachableError:
        return UnreachableError(
            f"the budget at {self._address} cannot be reached: {reason}",
            hint="nothing is sent without it; see that Redis runs, and run the same command again",
        )

    def __repr__(self) -> str:
        return f"<RedisStore at {self._address}>"


def _unusable(why: str) -> UsageError:
    return UsageError(f"the address of the budget cannot be used: {why}", hint="give it as redis://127.0.0.1:6379/0")


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, TimeoutError) or "imeout" in type(error).__name__:
        return f"no answer within {TIMEOUT:g} s"
    return str(getattr(cause, "strerror", None) or "the connection failed")


@asynccontextmanager
async def open_redis_log(
    url: str | Secret,
    provider: str,
    base_url: str,
    *,
    windows: Iterable[Window] = (),
    owners: Iterable[str] = (),
    notice: Callable[[str], None] = lambda _: None,
    linger: float = LINGER,
    lease: float = LEASE,
    clock: Clock = boottime,
) -> AsyncIterator[SharedLog]:
    """Give the log that the Redis at `url` keeps for the API at `base_url`, and end it in order.

    What is spent of `windows`, and the work for `owners`, is known from the beginning on. `notice` is told, in
    sentences for the user, what is out of the ordinary; the rest is as for `SharedLog`. Raises `UsageError`,
    `CredentialsError` or `UnreachableError` where it cannot be had.
    """
    address = Address(url)
    name = digest(provider.encode(), base_url.encode()).hex()
    memory = Memory(state_folder() / "redis-2" / digest(str(address).encode(), name.encode()).hex())
    store = await RedisStore.open(address, tag=name, notice=notice)
    try:
        log = SharedLog(store, notice=notice, linger=linger, lease=lease, memory=memory, clock=clock)
        await log.begin(windows, owners)
        task = asyncio.create_task(log.run())
        try:
            yield log
        finally:
            with CancelScope(shield=True):
                log.close()
                await asyncio.wait([task], timeout=CLOSING)
                log.stop()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    finally:
        with CancelScope(shield=True):
            await store.close()
