"""The core of the sandbox: one call in, one reply out. Pure: no clock, no socket, no randomness but the seeded one."""

import heapq
import math
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from itertools import count
from random import Random
from typing import Final

from headrace.sandbox import control
from headrace.sandbox.agiled import AGILED
from headrace.sandbox.api import Api, Context, Credentials
from headrace.sandbox.audit import Audit
from headrace.sandbox.bezala import BEZALA
from headrace.sandbox.effects import INSTEAD, Conduct, aftermath, conduct_under
from headrace.sandbox.faults import FaultKind, Faults, Rule
from headrace.sandbox.limits import Throttle, TimeMeter
from headrace.sandbox.message import NO_HEADERS, Call, Ending, Reply
from headrace.sandbox.options import Options
from headrace.sandbox.productive import PRODUCTIVE
from headrace.sandbox.store import Store
from headrace.sandbox.timemagic import TIME_MAGIC

APIS: Final[Mapping[str, Api]] = {"agiled": AGILED, "bezala": BEZALA, "productive": PRODUCTIVE, "timemagic": TIME_MAGIC}

STORAGE: Final = "/__storage"
"""Below this path is the storage of files: in no limit, and without the API's credentials."""


class Sandbox:
    """One API with its records, limits, faults and audit. `now` is in seconds since the epoch and never goes back.

    `api` takes the place of the one that the options name: an API of your own.
    """

    def __init__(self, options: Options, now: float = 0.0, *, api: Api | None = None) -> None:
        if api is None and options.provider not in APIS:
            raise ValueError(f"there is no sandbox for {options.provider!r}; there is one for {', '.join(APIS)}")
        self.options = options
        self.api = APIS[options.provider] if api is None else api
        self.credentials = Credentials(options.token, options.organization)
        self.random = Random(options.seed)  # noqa: S311  # repeatable on purpose
        self.store = Store()
        self.audit = Audit(self.api.limits)
        self.throttle = Throttle(self.api.limits, options.window, counts_rejected=options.counts_rejected)
        self.time = TimeMeter(options.server_time)
        self.faults = Faults(options.faults, self.random)
        self.conduct = Conduct(
            options.pointers,
            options.atomicity,
            options.order,
            options.max_bulk,
            options.includes,
            shape=options.shape,
            is_paid=options.plan == "paid",
        )
        self._late: list[tuple[float, int, Call, Conduct]] = []  # a heap of what was answered but not yet executed
        self._order = count()
        self.api.furnish(self.store, options.organization, now)

    def __repr__(self) -> str:
        return f"<sandbox of {self.options.provider}, {sum(self.store.counts.values())} records>"

    def handle(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        now: float,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
    ) -> Reply:
        """Return the reply to a request that arrives at `now`. `path` is the whole path, `query` still encoded."""
        self._land(now)
        if path.startswith(control.PREFIX):
            return control.answer(self, method, path, body, now)
        lower = {name.lower(): value for name, value in headers.items()}
        base = f"http://{lower.get('host', '127.0.0.1')}{self.api.prefix}"
        call = Call(method, path.removeprefix(self.api.prefix), query, lower, body, now, base)
        if path.startswith(STORAGE):
            return self._play(call, self.faults.strike(call))
        reply = self._signed(call, self._answer(call) if path.startswith(self.api.prefix + "/") else self.api.missing())
        self.audit.answered(call, reply)
        return reply

    def arm(self, rules: tuple[Rule, ...]) -> None:
        """Replace the faults; those that have struck already stay in the audit."""
        self.faults = Faults(rules, self.random)

    def journey(self) -> tuple[float, float]:
        """Return how many seconds a request travels and its answer, as the latency option has it."""
        whole = self.random.uniform(*self.options.latency) / 1000
        there = whole * self.random.random()
        return there, whole - there

    # A call passes credentials, limits and faults...

    def _answer(self, call: Call) -> Reply:
        refused = self.api.refuse(call, self.credentials)
        if refused is not None:
            return refused
        self.audit.arrived(call)
        refusal = self.throttle.admit(call.method, call.path, call.now)
        if refusal is not None:
            return self._throttled(self.api.throttled(refusal.limit.calls), refusal.wait)
        if (wait := self.time.wait(call.now)) > 0:
            return self._throttled(self.api.overworked(self.time.seconds or 0.0, self.time.PER), wait)
        rules = self.faults.strike(call)
        for rule in rules:
            self._prepare(rule, call)
        return self.api.refuse(call, self.credentials) or self._play(call, rules)

    def _prepare(self, rule: Rule, call: Call) -> None:
        self.audit.struck(rule.kind.value)
        if rule.kind is FaultKind.CROWD:
            self.throttle.spend(call.method, call.path, call.now, rule.calls or 0)
        if rule.kind is FaultKind.REVOKE_TOKEN:
            self.credentials = replace(self.credentials, is_revoked=True)

    def _play(self, call: Call, rules: list[Rule]) -> Reply:
        conduct = conduct_under(self.conduct, rules)
        for rule in rules:
            if rule.kind is FaultKind.THROTTLE:
                return self._throttled(self.api.throttled(self.api.limits[0].calls), rule.seconds or 10.0, rule)
            if rule.kind is FaultKind.LATE_COMMIT:
                due = call.now + (rule.seconds or 0.0)
                heapq.heappush(self._late, (due, next(self._order), replace(call, now=due), conduct))
            if rule.kind in INSTEAD:
                return self.api.failure() if rule.status == 500 else INSTEAD[rule.kind](rule)
        return aftermath(self._execute(call, conduct), rules)

    # ...and is executed, now or later

    def _execute(self, call: Call, conduct: Conduct) -> Reply:
        context = Context(
            self.store, self.audit, conduct, self.random, self.credentials.organization, self.credentials.token
        )
        if call.method != "GET":
            self.store.forget()
        answer = (self.api.storage or _no_storage) if call.path.startswith(STORAGE) else self.api.answer
        return answer(call, context)

    def _land(self, now: float) -> None:
        """Execute what was put off and is due by now."""
        while self._late and self._late[0][0] <= now:
            _, _, call, conduct = heapq.heappop(self._late)
            self._execute(call, conduct)

    def _throttled(self, reply: Reply, wait: float, rule: Rule | None = None) -> Reply:
        header = (rule and rule.header) or self.options.reset or self.api.reset
        value = (rule and rule.value) or str(max(1, math.ceil(wait)))
        return (
            reply if header == "none" else replace(reply, headers={**reply.headers, _TITLES.get(header, header): value})
        )

    def _signed(self, call: Call, reply: Reply) -> Reply:
        """Return `reply` with what it cost: computed, not measured, so that runs are repeatable."""
        base, item = self.options.runtime
        runtime = base + item * reply.items
        if reply.status != 429:
            self.time.work(call.now, runtime)
        if reply.ending is Ending.DROPPED:
            return reply
        stamps = {
            "Date": formatdate(call.now, usegmt=True),
            "X-Request-Id": f"{self.random.getrandbits(128):032x}",
            "X-Runtime": f"{runtime:.6f}",
        }
        return replace(reply, headers={**reply.headers, **stamps})


def _no_storage(_: Call, __: Context) -> Reply:
    return Reply(404)


_TITLES: Final = {"x-ratelimit-reset": "X-RateLimit-Reset", "retry-after": "Retry-After"}
