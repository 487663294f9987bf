"""`headrace doctor` against the sandbox: what it finds, in what form, and that it writes nothing."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest
from cli_program import TOKEN, Ended, Place

from headrace.examination import Diagnosis
from headrace.sandbox.core import Sandbox as Simulated
from headrace.sandbox.options import Options
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

Program = Callable[..., Ended]
Sandbox = Callable[..., Place]


def fault(place: Place, *rules: dict[str, Any]) -> None:
    """Arm the sandbox with these faults."""
    request = urllib.request.Request(
        urljoin(place.url, "/__sandbox/faults"), json.dumps({"fault": rules}).encode(), method="POST"
    )
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).close()


def audit(place: Place) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urljoin(place.url, "/__sandbox/audit"), timeout=5) as answer:
        return json.load(answer)


def findings(ended: Ended) -> dict[str, Any]:
    return {one["check"]: one for one in ended.json["findings"]}


def test_a_healthy_account(headrace: Program, sandbox: Sandbox) -> None:
    """All is as the tables say: exit 0, the organization by its name, a promise for every resource; only reads sent."""
    place = sandbox()
    ended = headrace("doctor", "productive", "--base-url", place.url, "--json", "--quiet", at=place)
    assert (ended.code, ended.err) == (0, "")
    told = ended.json
    assert (told["healthy"], told["provider"], told["organization"]) == (True, "productive", place.organization)
    assert abs(told["clock"]) < 30
    found = findings(ended)
    assert found["organization"]["detail"] == f"{place.organization} is Northwind"
    assert found["promise time_entries"]["state"] == "fine"
    assert "once" in found["promise time_entries"]["detail"]
    assert {use["name"] for use in told["windows"]} == {"100/10s", "4000/1800s", "reports 10/30s"}
    assert told["windows"][0]["used"] > 0
    assert set(audit(place)["methods"]) == {"GET"}


def test_what_weakens_a_promise_is_a_warning(headrace: Program, sandbox: Sandbox) -> None:
    """A resource that cannot be listed: exit 3, named, with what follows from it and what to do."""
    place = sandbox()
    fault(place, {"kind": "error_before_commit", "method": "GET", "path": "/tasks*", "status": 502})
    ended = headrace("doctor", "productive", "--base-url", place.url, "--json", "--quiet", at=place)
    assert ended.code == 3
    assert not ended.json["healthy"]
    found = findings(ended)
    assert found["read tasks"]["state"] == "warning"
    assert "in doubt" in found["read tasks"]["detail"]
    assert "promise tasks" not in found
    assert found["read time_entries"]["state"] == "fine"


def test_what_stands_in_a_path_is_no_filter() -> None:
    """Time Magic lists tasks below their project: that there is no such project says nothing against the account."""
    place = Simulated(Options(provider="timemagic", window="off"), virtual_time.START)

    async def main() -> Diagnosis:
        async with simulated_client(place) as client:  # at five requests a minute, outside of real time
            return await client.examine()

    findings = virtual_time.run(main).findings
    assert {"read projects", "read tasks"} <= {one.check for one in findings}
    assert not [one for one in findings if "does not work here" in one.detail]


def test_wrong_credentials(headrace: Program, sandbox: Sandbox) -> None:
    """Exit 6, and the token that was tried is shown nowhere."""
    place = sandbox()
    stranger = Place(place.url, "not-the-token-9c1d", place.organization)
    ended = headrace("doctor", "productive", "--base-url", place.url, "--json", at=stranger)
    assert (ended.code, ended.error["code"]) == (6, "credentials")
    assert "not-the-token" not in ended.out + ended.err


def test_nobody_there(headrace: Program) -> None:
    """Exit 7 where nothing answers."""
    nowhere = Place("http://127.0.0.1:9/api/v2", TOKEN, "948")
    ended = headrace("doctor", "productive", "--base-url", nowhere.url, "--json", at=nowhere)
    assert (ended.code, ended.error["code"]) == (7, "unreachable")


def test_proxies_are_named_and_ignored(headrace: Program, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies in the environment are not used, because they would be shown the token, and the user is told so."""
    names = ("HTTPS_PROXY", "http_proxy")
    for name in names:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    place = sandbox()
    ended = headrace("doctor", "productive", "--base-url", place.url, "--json", "--quiet", at=place)
    assert ended.code == 0
    assert all(name in findings(ended)["proxy"]["detail"] for name in names)


def test_for_people(headrace: Program, sandbox: Sandbox) -> None:
    """Every finding is a line, and what is spent of the budget is told."""
    place = sandbox()
    ended = headrace("doctor", "productive", "--base-url", place.url, at=place)
    assert ended.code == 0
    for words in ("organization 948", "Northwind", "promise time_entries", "spent of the budget"):
        assert words in ended.out
    assert "nothing is written" in ended.err
