"""Refusals: the vendor's error bodies as rows, fields, codes and sentences."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from providers_rows import UNHURRIED

from headrace.provider import Codec, Refusal
from headrace.providers import PROVIDERS

PRODUCTIVE = PROVIDERS["productive"]


def codec(resource: str, operation: str = "create") -> Codec:
    table = PRODUCTIVE.resource(resource)
    assert table is not None
    return PRODUCTIVE.wire.codec(PRODUCTIVE, table, operation)


def refused(error: Any, resource: str = "time_entries") -> Refusal:
    refusals = codec(resource).refusals(orjson.dumps({"errors": [error]}))
    assert refusals is not None
    (refusal,) = refusals
    return refusal


def test_the_recorded_422_names_our_fields() -> None:
    """Recorded traffic: an empty task is refused for its title, project and task list, the latter two as attributes."""
    blank = {
        "status": "422",
        "code": "invalid_attribute",
        "title": "Invalid Attribute",
        "detail": "can't be blank",
        "meta": {},
    }
    errors = [blank | {"source": {"pointer": f"data/attributes/{name}"}} for name in ("title", "project", "task_list")]
    refusals = codec("tasks").refusals(orjson.dumps({"errors": errors}))
    assert refusals == [
        Refusal(code="invalid_attribute", error="can't be blank", field=field)
        for field in ("title", "project_id", "task_list_id")
    ]


@pytest.mark.parametrize(
    ("pointer", "index", "field"),
    [
        ("data/attributes/time", None, "time"),
        ("/data/attributes/time", None, "time"),
        ("#/data/attributes/time", None, "time"),
        ("/data/1/attributes/time", 1, "time"),
        ("data/12/attributes/time", 12, "time"),
        ("data/attributes/person", None, "person_id"),
        ("data/attributes/person_id", None, "person_id"),
        ("data/relationships/person", None, "person_id"),
        ("/data/3/relationships/person/data/id", 3, "person_id"),
        ("data/attributes/salary", None, "salary"),
        ("data/attributes/base", None, None),
        ("/data/7", 7, None),
        ("/data", None, None),
        ("/included/0", None, None),
        ("", None, None),
        (None, None, None),
        (17, None, None),
        (f"/data/{'9' * 5000}/attributes/time", None, None),
    ],
)
def test_pointers(pointer: Any, index: int | None, field: str | None) -> None:
    """Pointers with and without slash and index; fields in our names, others in the vendor's words."""
    refusal = refused({"status": 422, "title": "Invalid Attribute", "detail": "is bad", "source": {"pointer": pointer}})
    assert (refusal.index, refusal.field) == (index, field)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (
            {"status": 403, "title": "Access Denied", "detail": "You are not authorized"},
            "access_denied",
            "You are not authorized",
        ),
        ({"status": "400", "title": "Bad Request", "meta": {}, "source": {}}, "bad_request", "Bad Request"),
        ({"status": 409}, "status_409", "status_409"),
        ({"code": 17, "detail": "no"}, "17", "no"),
        ({"title": "???"}, "refused", "???"),
        (
            {"status": 429, "title": "Too many requests", "detail": "Rate limit reached", "limit": 10},
            "too_many_requests",
            "Rate limit reached",
        ),
    ],
)
def test_codes_and_sentences(error: dict[str, Any], code: str, sentence: str) -> None:
    """The code is the vendor's, else made of the title, else of the status; the sentence falls back alike."""
    refusal = refused(error)
    assert (refusal.code, refusal.error) == (code, sentence)


def test_long_sentences_are_cut() -> None:
    """An error of a megabyte does not become a line of a file."""
    assert len(refused({"detail": "x" * 1_000_000, "title": "y" * 1_000_000}).error) == 500


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>403 Forbidden</html>",
        b'{"errors":[{"status":"422","detail":"cut of',
        b'{"errors":[]}',
        b'{"errors":[{}]}',
        b'{"errors":[{"x":1}]}',
        b'{"errors":["no"]}',
        b'{"errors":{"name":["no"]}}',
        b'{"errors":"Unauthorized"}',
        b'{"error":"Forbidden."}',
        b'{"data":[]}',
        b"[]",
        b"null",
        b'{"errors":' + b"[" * 100_000,
        b'{"meta":' + b"[" * 100_000,
    ],
)
def test_other_bodies_are_not_refusals(body: bytes) -> None:
    """What is not the vendor's own envelope proves nothing about the request."""
    assert codec("tasks").refusals(body) is None
    assert PRODUCTIVE.wire.refusals(body) is None


def test_without_a_resource_the_vendors_words_stay() -> None:
    """The wire's own reader knows no fields; query errors name a parameter."""
    body = orjson.dumps(
        {
            "errors": [
                {"status": "400", "source": {"parameter": "filter"}},
                {"status": "422", "source": {"pointer": "data/attributes/person"}},
            ]
        }
    )
    refusals = PRODUCTIVE.wire.refusals(body)
    assert refusals is not None
    assert [refusal.field for refusal in refusals] == ["filter", "person"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["status", "code", "title", "detail", "source", "meta"])


@UNHURRIED
@given(
    st.binary(max_size=80)
    | st.builds(orjson.dumps, st.fixed_dictionaries({"errors": JSON | st.lists(st.dictionaries(KEYS, JSON))}))
)
def test_no_body_raises(body: bytes) -> None:
    """Random bytes and mutated envelopes give refusals or None."""
    refusals = codec("tasks").refusals(body)
    assert refusals is None or all(refusal.code and refusal.error for refusal in refusals)


@UNHURRIED
@given(
    st.text(max_size=40) | st.from_regex(r"/?data/[0-9]{1,3}/(attributes|relationships)/[a-z_]+(/.*)?", fullmatch=True)
)
def test_no_pointer_raises(pointer: str) -> None:
    """Any text may be a pointer."""
    refused({"status": "422", "source": {"pointer": pointer}})
