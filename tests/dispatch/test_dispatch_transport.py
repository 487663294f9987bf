"""The layers around HTTP: what is repeated, what is paid, and what a cancellation may cut short."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.dispatch.budget import Budget
from headrace.dispatch.halt import Halt
from headrace.dispatch.transport import MAX_ATTEMPTS, Budgeted, Retrying, RetryTokens
from headrace.errors import LostError, NotSentError, StoppedError, TransportError
from headrace.model import Request, Response
from headrace.provider import Limit
from headrace.testing import virtual_time

READ = Request(method="GET", path="/things", is_read=True)
WRITE = Request(method="POST", path="/things", body=b"{}")
ANSWERS: dict[str, Response | TransportError] = {
    "200": Response(status=200, headers={}, body=b""),
    "422": Response(status=422, headers={}, body=b""),
    "429": Response(status=429, headers={"x-reset": "7"}, body=b""),
    "503": Response(status=503, headers={}, body=b""),
    "lost": LostError("reset"),
    "not sent": NotSentError("refused"),
}


class Script:
    """Answers each request as the script says, the last line for ever, after a second; counts what was sent."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.times: list[float] = []

    async def send(self, _request: Request) -> Response:
        line = self.lines[min(len(self.times), len(self.lines) - 1)]
        self.times.append(virtual_time.clock())
        await anyio.sleep(1.0)
        answer = ANSWERS[line]
        if isinstance(answer, TransportError):
            raise answer
        return answer


def a_budget(*limits: Limit) -> Budget:
    return Budget(limits, clock=virtual_time.clock, pacer=None)


async def outcome(script: Script, request: Request, budget: Budget | None = None) -> Response | TransportError:
    transport = Retrying(Budgeted(script, budget or a_budget(), reset_header="x-reset"))
    try:
        return await transport.send(request)
    except TransportError as error:
        return error


@given(st.lists(st.sampled_from(sorted(ANSWERS)), min_size=1, max_size=8), st.booleans())
def test_a_write_that_may_have_happened_is_never_repeated(lines: list[str], is_read: bool) -> None:
    """After an answer other than "not executed" a write is not sent again; a read may be, a bounded number of times."""
    script = Script(*lines)
    virtual_time.run(outcome, script, READ if is_read else WRITE)
    sent = [script.lines[min(at, len(lines) - 1)] for at in range(len(script.times))]
    repeatable = {"429", "not sent"} | ({"503", "lost"} if is_read else set())
    assert all(line in repeatable for line in sent[:-1])
    assert len([line for line in sent if line != "429"]) <= MAX_ATTEMPTS


def test_a_429_pauses_for_as_long_as_it_says() -> None:
    """The next attempt comes after the reset that the answer names, and the row's attempts are not used up."""
    script = Script("429", "429", "200")
    answer = virtual_time.run(outcome, script, WRITE)
    assert answer is ANSWERS["200"]
    first, second, third = script.times
    assert second - first == pytest.approx(8.0, abs=0.1)
    assert third - second == pytest.approx(8.0, abs=0.1)


def test_every_attempt_pays() -> None:
    """Attempts that reached the server are in the window; one of which nothing was sent is not."""

    async def main() -> None:
        budget = a_budget(Limit(10, 1000.0))
        await outcome(Script("lost", "503", "200"), READ, budget)
        await outcome(Script("not sent", "not sent", "200"), WRITE, budget)
        assert budget.statistics().windows[0].used == 4

    virtual_time.run(main)


def test_an_intent_is_made_when_the_request_is_paid_for() -> None:
    """While a write waits at the gate it has no intent; an intent that fails gives the permit back."""

    async def main() -> None:
        budget = a_budget(Limit(1, 100.0))
        transport = Budgeted(Script("200"), budget)
        intents: list[float] = []

        async def intend() -> None:
            intents.append(virtual_time.clock())

        async def fail() -> None:
            raise StoppedError("disk full")

        with pytest.raises(StoppedError):
            await transport.send(WRITE, fail)
        await transport.send(WRITE, intend)
        await transport.send(WRITE, intend)
        assert intents == [pytest.approx(1000.0, abs=0.1), pytest.approx(1101.0, abs=0.5)]

    virtual_time.run(main)


def test_a_halt_releases_who_waits_and_awaits_who_is_under_way() -> None:
    """A halt cuts short the wait at the gate, at once; the answer of a request under way is not abandoned."""

    async def main() -> None:
        halt, transport = Halt(), Budgeted(Script("200"), a_budget(Limit(1, 100.0)))
        ended: list[tuple[str, float]] = []

        async def one(name: str) -> None:
            with halt.scope() as scope:
                await transport.send(WRITE)
            ended.append((f"{name} cut" if scope.cancelled_caught else name, virtual_time.clock() - 1000))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, "under way")
            await anyio.sleep(0.1)
            tasks.start_soon(one, "waiting")
            await anyio.sleep(0.4)
            halt.stop(StoppedError("enough"))
        assert ended == [("waiting cut", pytest.approx(0.5, abs=0.01)), ("under way", pytest.approx(1.0, abs=0.01))]

    virtual_time.run(main)


def test_retries_share_a_budget() -> None:
    """A sick provider sees at most a bounded number of repeated requests, whatever the number of rows."""

    async def main() -> None:
        script = Script("lost")
        transport = Retrying(Budgeted(script, a_budget()), tokens=RetryTokens())
        for _ in range(200):
            with pytest.raises(LostError):
                await transport.send(READ)
        assert len(script.times) == 200 + RetryTokens.CAPACITY // 10

    virtual_time.run(main)
