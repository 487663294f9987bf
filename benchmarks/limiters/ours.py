"""headrace's budget, as it comes and with its margins taken off one by one."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from benchmarks.contender import LONG, SHORT, Acquire, Answered, Clock, Contender

from headrace.dispatch.budget import Budget
from headrace.model import Lane


@contextmanager
def _budget(clock: Clock, **options: Any) -> Iterator[Acquire]:
    budget = Budget((SHORT, LONG), clock=clock, **options)

    async def acquire() -> Answered:
        permit = await budget.acquire(None, Lane.ROWS)
        return permit.settle

    yield acquire


_BARE: Final = partial(_budget, pacer=None, slack=0.0)

CONTENDERS: Final = (
    Contender(name="headrace", enter=_budget),
    Contender(name="headrace, counter-safe", enter=partial(_budget, is_counter_safe=True)),
    Contender(name="headrace, no pacer", enter=partial(_budget, pacer=None)),
    Contender(name="headrace, no pacer, slack 0", enter=_BARE),
    Contender(name="headrace, no pacer, slack 0, no latency", enter=_BARE, is_instant=True),
)
