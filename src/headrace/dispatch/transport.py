"""The one verb of dispatch, `send`, and the layers around it.

`Retrying(Budgeted(Http(...)))` is stacked in `pipeline.connect`: retrying is outside the budget so that every attempt
pays, and the budget is outside HTTP so that nothing leaves unpaid.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeAlias

import anyio

from headrace.dispatch.budget import Budget, Permit
from headrace.dispatch.permits.headers import retry_after, seconds
from headrace.errors import LostError, NotSentError, TransportError
from headrace.model import Request, Response
from headrace.provider import DEFAULT_VERDICTS, Hit, Verdict, verdict

MAX_ATTEMPTS: Final = 5
"""How often one request is sent when it provably did nothing, or is a read."""
MAX_THROTTLED: Final = 100
"""How many 429s in a row one request sits out. The gate's back-off makes that more than an hour."""
FIRST_WAIT: Final = 0.25
LONGEST_WAIT: Final = 20.0
"""Seconds: the bounds of full jitter, U(0, min(longest, first * 2**attempt))."""


Intend: TypeAlias = Callable[[], Awaitable[None]]
"""Makes the intent of a write durable. Awaited when the request is paid for and before its first byte leaves, again
on every attempt; so what waits at the gate has no intent yet, and a crash leaves little in doubt."""


class Transport(Protocol):
    """Sends one request. Called from many tasks at once."""

    async def send(self, request: Request, intend: Intend | None = None) -> Response:
        """Return the answer, whatever its status.

        Raises `NotSentError` when not a byte left, `LostError` when at least one may have and no complete answer
        came, and what `intend` raises. Foreign exceptions never come out. Cancelling (by an anyio scope) has an
        effect only while nothing of the request is under way: the gate and the waits between attempts.
        """


class Sender(Protocol):
    """The innermost layer: one call is one physical request. Raises what `Transport.send` raises."""

    async def send(self, request: Request) -> Response:
        """Send `request` and return its answer, read to the end."""


class Budgeted:
    """Pays for every physical request, and tells the budget what its answer says about the budget."""

    def __init__(
        self,
        inner: Sender,
        budget: Budget,
        *,
        reset_header: str | None = None,
        runtime_header: str | None = None,
        hit: Callable[[bytes], Hit | None] = lambda _: None,
    ) -> None:
        self._inner = inner
        self._budget = budget
        self._reset_header = reset_header
        self._runtime_header = runtime_header or ""
        self._hit = hit

    async def send(self, request: Request, intend: Intend | None = None) -> Response:
        """See `Transport.send`."""
        permit = await self._budget.acquire(request.route, request.lane)
        # A paid request is not abandoned: its answer is worth more than the time until its own timeout.
        with anyio.CancelScope(shield=True):
            if intend is not None:
                await self._intend(permit, intend)
            return await self._spend(permit, request)
        raise AssertionError("a shield that nobody cancels lets nothing fall through")

    @staticmethod
    async def _intend(permit: Permit, intend: Intend) -> None:
        try:
            await intend()
        except BaseException:
            permit.refund()
            raise

    async def _spend(self, permit: Permit, request: Request) -> Response:
        try:
            response = await self._inner.send(request)
        except NotSentError:
            permit.refund()
            raise
        except BaseException:
            permit.lost()
            raise
        if response.status == 429:
            permit.rejected(retry_after(response.headers, self._reset_header), self._hit(response.body))
        else:
            runtime = seconds(response.headers.get(self._runtime_header, ""))
            permit.settle(runtime, response.headers.get("date", ""))
        return response


class RetryTokens:
    """The retry budget that all requests of a run share: a sick provider sees few extra requests.

    Mutable state: how many tokens are left. A retry costs 5, after a lost answer 10; a success gives one back.
    """

    CAPACITY: Final = 500
    COST: Final[Mapping[type[TransportError], int]] = {NotSentError: 5, LostError: 10}

    def __init__(self) -> None:
        self._left = self.CAPACITY

    def take(self, cost: int) -> bool:
        """Take `cost` tokens, or none and return False."""
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def give_back(self) -> None:
        """Return one token, after a success."""
        self._left = min(self.CAPACITY, self._left + 1)

    def __repr__(self) -> str:
        return f"<RetryTokens: {self._left} of {self.CAPACITY} left>"


class Retrying:
    """Repeats reads, and what is proven not to have been executed; everything else goes up as it is.

    A second attempt at a write that may have been executed needs an intent of its own (RELIABILITY.md, I2), so a lost
    write is the writer's business. A 429 costs no attempt: the gate behind this layer is paused, for everybody.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        verdicts: Mapping[int, Verdict] = DEFAULT_VERDICTS,
        tokens: RetryTokens | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._inner = inner
        self._verdicts = verdicts
        self._tokens = tokens or RetryTokens()
        self._sleep = sleep
        self._jitter = jitter

    async def send(self, request: Request, intend: Intend | None = None) -> Response:
        """See `Transport.send`."""
        attempt = throttled = 0
        while True:  # each way round is bounded, by MAX_THROTTLED or MAX_ATTEMPTS
            answer = await self._try(request, intend)
            if isinstance(answer, Response) and self._is_throttled(answer) and throttled < MAX_THROTTLED:
                throttled += 1
                continue
            cost = self._cost_of_repeating(request, answer)
            attempt += 1
            if cost is None or attempt >= MAX_ATTEMPTS or not self._tokens.take(cost):
                return self._give_up(answer)
            await self._sleep(self._jitter(0, min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)))

    async def _try(self, request: Request, intend: Intend | None) -> Response | TransportError:
        try:
            return await self._inner.send(request, intend)
        except TransportError as error:
            return error

    def _is_throttled(self, response: Response) -> bool:
        return verdict(response.status, self._verdicts) is Verdict.THROTTLED

    @staticmethod
    def _cost_of_repeating(request: Request, answer: Response | TransportError) -> int | None:
        """Return what sending it once more costs, None where it must not or need not be sent again."""
        match answer:
            case NotSentError():
                return RetryTokens.COST[NotSentError]
            case LostError() if request.is_read:
                return RetryTokens.COST[LostError]
            case Response(status=status) if request.is_read and status >= 500:
                return RetryTokens.COST[LostError]
            case _:
                return None

    def _give_up(self, answer: Response | TransportError) -> Response:
        if isinstance(answer, TransportError):
            raise answer
        self._tokens.give_back()
        return answer
