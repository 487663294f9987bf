"""The faults: each does what its name says, to the requests its rule chooses, and the same again for the same seed."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_desk import Answer, Desk, entry, few

from headrace.sandbox.faults import FaultKind, FaultsError, Rule, load_faults, parse_faults
from headrace.sandbox.message import Ending


def struck(kind: str, **parameters: Any) -> tuple[Desk, Answer]:
    """Return a desk whose second POST meets the fault, and the answer to it."""
    desk = Desk(Rule(kind=FaultKind(kind), method=("POST",), at=(2,), **parameters))
    assert desk.bulk("POST", "/time_entries", [entry("first")]).status == 201
    answer = desk.bulk("POST", "/time_entries", [entry("second"), entry("third")])
    return desk, answer


@pytest.mark.parametrize(
    ("kind", "parameters", "status", "stored"),
    [
        ("drop_before_commit", {}, 0, 1),
        ("drop_after_commit", {}, 201, 3),
        ("drop_mid_answer", {}, 201, 3),
        ("error_before_commit", {}, 503, 1),
        ("error_before_commit", {"status": 500}, 500, 1),
        ("error_after_commit", {"status": 502}, 502, 3),
        ("html", {}, 200, 1),
        ("html_after_commit", {}, 200, 3),
        ("truncated_json", {}, 201, 3),
        ("redirect", {"status": 307, "location": "https://elsewhere.example/"}, 307, 1),
        ("slow", {"seconds": 3.0}, 201, 3),
        ("drip", {}, 201, 3),
        ("throttle", {"header": "none"}, 429, 1),
        ("late_commit", {"seconds": 30.0}, 504, 1),
        ("revoke_token", {}, 401, 1),
        ("missing_item", {}, 201, 3),
        ("repeated_id", {}, 201, 3),
    ],
)
def test_what_is_answered_and_what_is_stored(kind: str, parameters: Any, status: int, stored: int) -> None:
    """Before commit nothing is stored, after commit everything is; the audit counts the fault."""
    desk, answer = struck(kind, **parameters)
    assert (answer.status, desk.count("time_entries")) == (status, stored)
    assert desk.audit()["faults"] == {kind: 1}


def test_how_answers_end() -> None:
    """The reply says what the shell has to do with it."""
    assert struck("drop_before_commit")[1].reply.ending is Ending.DROPPED
    assert struck("drop_after_commit")[1].reply.ending is Ending.DROPPED
    assert struck("drop_mid_answer")[1].reply.ending is Ending.CUT
    assert struck("drip")[1].reply.ending is Ending.DRIPPED
    assert struck("slow", seconds=3.0)[1].reply.delay == 3.0


def test_what_is_in_broken_answers() -> None:
    """HTML is HTML, truncated JSON does not parse, ids are missing or repeated, redirects lead elsewhere."""
    assert struck("html")[1].reply.headers["Content-Type"].startswith("text/html")
    assert struck("truncated_json")[1].document is None
    assert struck("missing_item")[1].ids == ["2"]
    assert struck("repeated_id")[1].ids == ["2", "2"]
    assert struck("redirect")[1].reply.headers["Location"] == "/login"
    assert struck("error_before_commit", status=500)[1].document["errors"][0]["title"] == "Server Error"


def test_a_late_commit_lands_when_it_is_due() -> None:
    """After a 504 the records appear `seconds` later, created then, and are counted once."""
    desk, _ = struck("late_commit", seconds=30.0)
    desk.now += 29
    assert desk.get("/time_entries").document["meta"]["total_count"] == 1
    desk.now += 1
    listed = desk.get("/time_entries").document
    assert listed["meta"]["total_count"] == 3
    assert listed["data"][2]["attributes"]["created_at"].startswith("2023-11-14T22:13:50")
    assert desk.audit()["requests"] == 4


def test_a_late_commit_shows_in_the_audit_alone() -> None:
    """Asking the audit is enough for what is due to land."""
    desk, _ = struck("late_commit", seconds=30.0)
    desk.now += 31
    assert desk.audit()["records"]["time_entries"] == 3


def test_search_lag_hides_new_records_from_lists_only() -> None:
    """For `seconds` a new record can be read by id but not found; then it can."""
    desk, answer = struck("search_lag", seconds=20.0)
    number = answer.ids[0]
    assert desk.get(f"/time_entries/{number}").status == 200
    assert desk.get("/time_entries").ids == ["1"]
    assert desk.get("/time_entries", "filter[note]=second").ids == []
    desk.now += 20
    assert desk.get("/time_entries", "filter[note]=second").ids == [number]


def test_partial_and_shuffled_bulk() -> None:
    """A single request can be partial or shuffled while the sandbox is not."""
    desk = Desk(Rule(kind=FaultKind.PARTIAL, at=(1,)), Rule(kind=FaultKind.SHUFFLED, at=(2,)))
    assert desk.bulk("POST", "/time_entries", [entry("a"), entry(time=0)]).status == 422
    assert desk.count("time_entries") == 1
    batch = [entry(str(place)) for place in range(30)]
    assert desk.bulk("POST", "/time_entries", batch).ids != [str(place) for place in range(2, 32)]
    assert desk.bulk("POST", "/time_entries", batch).ids == [str(place) for place in range(32, 62)]


def test_faults_add_up() -> None:
    """All rules that fire are played: a partial store whose answer is then dropped."""
    desk = Desk(Rule(kind=FaultKind.PARTIAL), Rule(kind=FaultKind.DROP_AFTER_COMMIT))
    answer = desk.bulk("POST", "/time_entries", [entry("a"), entry(time=0)])
    assert (answer.reply.ending, desk.count("time_entries")) == (Ending.DROPPED, 1)


def test_a_revoked_token_stays_revoked() -> None:
    """From the fault on everything is 401."""
    desk, _ = struck("revoke_token")
    assert desk.get("/people").status == 401


def test_throttle_headers() -> None:
    """A made-up 429 carries any header and value that a test of clients may want."""
    _, answer = struck("throttle", header="Retry-After", value="Wed, 21 Oct 2026 07:28:00 GMT")
    assert answer.reply.headers["Retry-After"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    _, answer = struck("throttle", seconds=4.2)
    assert answer.reply.headers["X-RateLimit-Reset"] == "5"


def test_a_crowd_uses_up_the_budget() -> None:
    """Someone else's requests count in the limits but not in the audit."""
    desk = Desk(Rule(kind=FaultKind.CROWD, at=(1,), calls=99), window="sliding")
    assert [desk.get("/people").status for _ in range(2)] == [200, 429]
    assert desk.audit()["worst"]["100/10s"] == 2


def test_rules_choose_by_method_path_and_number() -> None:
    """`method`, `path`, `every`, `after` and `times` select; only matching requests are counted."""
    rule = Rule(
        kind=FaultKind.ERROR_BEFORE_COMMIT, method=("GET",), path="/people*", every=2, after=2, times=2, status=500
    )
    desk = Desk(rule)
    statuses = []
    for _ in range(10):
        desk.get("/companies")
        statuses.append(desk.get("/people/201").status)
    assert [place for place, status in enumerate(statuses, 1) if status == 500] == [4, 6]


@few
@given(seed=st.integers(0, 1000), probability=st.sampled_from([0.0, 0.2, 1.0]))
def test_chance_is_seeded(seed: int, probability: float) -> None:
    """The same seed gives the same faults; 0 never strikes and 1 always."""

    def trace() -> list[int]:
        desk = Desk(Rule(kind=FaultKind.ERROR_BEFORE_COMMIT, probability=probability), seed=seed)
        return [desk.get("/people/201").status for _ in range(30)]

    first = trace()
    assert first == trace()
    assert set(first) <= {200, 503}
    assert probability == 0.2 or len(set(first)) == 1


def test_faults_can_be_changed_while_running() -> None:
    """`POST /__sandbox/faults` replaces the rules; nonsense is refused with the reason and changes nothing."""
    desk = Desk()
    rule = {"kind": "error_before_commit", "method": "get", "status": 502}
    assert desk.call("POST", "/__sandbox/faults", {"fault": [rule]}).status == 200
    assert desk.get("/people").status == 502
    refused = desk.call("POST", "/__sandbox/faults", {"fault": [{"kind": "meteor"}]})
    assert (refused.status, "kind must be one of" in refused.document["error"]) == (400, True)
    assert desk.get("/people").status == 502
    assert desk.call("POST", "/__sandbox/faults", {}).status == 200
    assert desk.get("/people").status == 200


def test_a_faults_file(tmp_path: Path) -> None:
    """The documented format is read; a method or place may stand alone."""
    path = tmp_path / "faults.toml"
    path.write_text(
        '[[fault]]\nkind = "slow"\nmethod = ["POST", "patch"]\npath = "/time_entries*"\nprobability = 0.05\n'
        'seconds = 2\ntimes = 3\n[[fault]]\nkind = "html"\nmethod = "GET"\nat = 3\n'
    )
    assert load_faults(path) == (
        Rule(
            kind=FaultKind.SLOW, method=("POST", "PATCH"), path="/time_entries*", probability=0.05, seconds=2, times=3
        ),
        Rule(kind=FaultKind.HTML, method=("GET",), at=(3,)),
    )


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"kind": "meteor"},
        {"kind": "html", "colour": "red"},
        {"kind": "html", "every": 0},
        {"kind": "html", "every": 2, "probability": 0.5},
        {"kind": "html", "probability": 2},
        {"kind": "html", "probability": "often"},
        {"kind": "html", "at": [0]},
        {"kind": "html", "at": ["1"]},
        {"kind": "html", "times": True},
        {"kind": "html", "status": 200},
        {"kind": "slow"},
        {"kind": "slow", "seconds": -1},
        {"kind": "slow", "seconds": 1e9},
        {"kind": "error_before_commit", "status": 200},
        {"kind": "crowd"},
        "html",
    ],
)
def test_faults_that_make_no_sense_are_errors(rule: Any) -> None:
    """Unknown kinds, keys and parameters, wrong types and numbers out of range are refused."""
    with pytest.raises(FaultsError):
        parse_faults({"fault": [rule]})


def test_a_broken_faults_file_is_an_error(tmp_path: Path) -> None:
    """So are broken TOML and other tables."""
    path = tmp_path / "faults.toml"
    for text in ("[[fault", '[[faults]]\nkind = "html"\n', "fault = 3\n"):
        path.write_text(text)
        with pytest.raises(FaultsError):
            load_faults(path)
