"""The limits: each algorithm agrees with a naive model of it, and what a 429 says is true."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_desk import Desk, many

from headrace.sandbox.limits import METERS, Limit, Throttle

# Times in quarters of a second are exact in binary, so that the models need no tolerance.
arrivals = st.lists(st.integers(0, 400), max_size=120).map(lambda ticks: [tick / 4 for tick in sorted(ticks)])
calls = st.integers(1, 6)
periods = st.sampled_from([1.0, 2.5, 10.0])


def naive_fixed(counted: list[float], now: float, limit: int, per: float) -> bool:
    return sum(math.floor(t / per) == math.floor(now / per) for t in counted) < limit


def naive_sliding(counted: list[float], now: float, limit: int, per: float) -> bool:
    return sum(t > now - per for t in counted) < limit


def naive_counter(counted: list[float], now: float, limit: int, per: float) -> bool:
    index = math.floor(now / per)
    last, used = (sum(math.floor(t / per) == i for t in counted) for i in (index - 1, index))
    return math.floor(last * (1 - (now / per - index))) + used < limit


MODELS = {"fixed": naive_fixed, "sliding": naive_sliding, "counter": naive_counter}


@pytest.mark.parametrize("window", MODELS)
@pytest.mark.parametrize("counts_rejected", [False, True])
@many
@given(times=arrivals, limit=calls, per=periods)
def test_meters_agree_with_naive_models(
    window: str, counts_rejected: bool, times: list[float], limit: int, per: float
) -> None:
    """At every arrival the meter admits exactly when counting all earlier ones by the book leaves room."""
    throttle = Throttle([Limit(limit, per, "token")], window, counts_rejected=counts_rejected)
    counted = []
    for now in times:
        expected = MODELS[window](counted, now, limit, per)
        assert (throttle.admit("GET", "/x", now) is None) == expected
        if expected or counts_rejected:
            counted.append(now)


@pytest.mark.parametrize("window", MODELS)
@many
@given(times=arrivals, limit=calls, per=periods)
def test_whoever_waits_as_told_is_admitted(window: str, times: list[float], limit: int, per: float) -> None:
    """After the wait of a refusal (a hair later, for rounding) there is room, if nobody else came."""
    meter = METERS[window](limit, per)
    for now in times:
        wait = meter.wait(now)
        if wait:
            later = now + wait + 1e-6
            assert meter.wait(later) == 0
            return
        meter.count(now)


def test_a_request_needs_room_in_every_window_it_touches() -> None:
    """The long window refuses what the short one would admit, and a refused request uses up neither."""
    throttle = Throttle([Limit(2, 1, "token"), Limit(3, 100, "organization")], "sliding")
    assert [throttle.admit("GET", "/x", now) is None for now in (0, 0, 0, 2, 4)] == [True, True, False, True, False]
    assert throttle.admit("GET", "/x", 4).limit.calls == 3


def test_reports_have_their_own_limit() -> None:
    """The eleventh report within 30 s is refused although the token has room; other paths go on."""
    desk = Desk(window="sliding")
    statuses = [desk.get("/reports/time_reports", "group=person").status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert desk.get("/people").status == 200
    assert desk.audit()["worst"] == {"100/10s": 12, "4000/1800s": 12, "reports 10/30s": 11}


@pytest.mark.parametrize("window", ["fixed", "sliding", "counter"])
def test_the_documented_limits_hold(window: str) -> None:
    """100 requests in 10 s and no more, whatever the algorithm; the 429 has the vendor's body and header."""
    desk = Desk(window=window)
    desk.now = 1_700_000_000.0 + 3  # 1.7e9 is a multiple of 10: a fixed window ends in 7 s
    assert [desk.get("/people/201").status for _ in range(101)] == [200] * 100 + [429]
    refused = desk.get("/people/201")
    assert refused.document == {
        "errors": [
            {"status": 429, "title": "Too many requests", "detail": "Rate limit reached. Try again later", "limit": 100}
        ]
    }
    wait = int(refused.reply.headers["X-RateLimit-Reset"])
    assert wait == {"fixed": 7, "sliding": 10, "counter": 8}[window]
    desk.now += wait
    assert desk.get("/people/201").status == 200
    assert desk.audit()["throttled"] == 2


def test_4000_in_half_an_hour() -> None:
    """The organization's window refuses the 4001st request of half an hour."""
    desk = Desk(window="sliding")
    for _ in range(4000):
        desk.now += 0.11
        assert desk.get("/people/201").status == 200
    desk.now += 0.11
    refused = desk.get("/people/201")
    assert (refused.status, refused.document["errors"][0]["limit"]) == (429, 4000)


@pytest.mark.parametrize(("reset", "header"), [("retry-after", "Retry-After"), ("none", None)])
def test_the_header_of_a_429_can_be_chosen(reset: str, header: str | None) -> None:
    """`Retry-After` instead of the vendor's header, or none at all."""
    desk = Desk(window="fixed", reset=reset)
    for _ in range(101):
        answer = desk.get("/people/201")
    assert answer.status == 429
    assert {name for name in answer.reply.headers if name in {"X-RateLimit-Reset", "Retry-After"}} == {header} - {None}


def test_off_is_off() -> None:
    """Without a window nothing is refused; the audit still counts."""
    desk = Desk(window="off")
    assert {desk.get("/people/201").status for _ in range(300)} == {200}
    assert desk.audit()["worst"]["100/10s"] == 300
