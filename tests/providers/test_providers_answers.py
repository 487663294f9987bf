"""What comes in: ids from accepted answers, joined to what was sent, and nothing else taken for a success."""

import datetime as dt
import random
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from providers_rows import UNHURRIED

from headrace.provider import Bulk, Codec, Resource
from headrace.provider.form import form
from headrace.provider.json_api.joining import join
from headrace.providers import PROVIDERS

PRODUCTIVE = PROVIDERS["productive"]
NOT_INCLUDED = {"meta": {"included": False}}


def table(name: str) -> Resource:
    found = PRODUCTIVE.resource(name)
    assert found is not None
    return found


def codec(resource: Resource, operation: str = "create") -> Codec:
    return PRODUCTIVE.wire.codec(PRODUCTIVE, resource, operation)


TIME_ENTRIES = table("time_entries")
CREATE = codec(TIME_ENTRIES)


def entry(**fields: Any) -> Struct:
    defaults = {"date": "2024-08-28", "time": 60, "person_id": 1, "service_id": 1}
    return msgspec.convert(defaults | fields, TIME_ENTRIES.struct)


def stored(values: list[Struct], *, keep_relationships: bool = False) -> list[dict[str, Any]]:
    """Return what a server answers for `values`: more attributes, ids from 900 on, relationships not included."""
    items: list[dict[str, Any]] = orjson.loads(CREATE.request(values, bulk=True).body or b"")["data"]
    for place, item in enumerate(items):
        item["id"] = str(900 + place)
        item["attributes"] |= {"approved": False, "created_at": "2024-08-28T10:00:00.000+02:00", "billable_time": 9}
        if not keep_relationships:
            item["relationships"] = dict.fromkeys(("organization", *item["relationships"]), NOT_INCLUDED)
    return items


def answer(data: Any) -> bytes:
    return orjson.dumps({"data": data, "meta": {"settings": {"large": "x" * 2000}}})


ENTRIES = st.builds(
    entry,
    date=st.dates(dt.date(2024, 1, 1), dt.date(2024, 1, 4)),
    time=st.integers(1, 4),
    person_id=st.integers(1, 3),
    note=st.sampled_from(["", "a", "b", "b c", "<b>c</b>", "d\r\ne"]),
)


@UNHURRIED
@given(st.lists(ENTRIES, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_shuffled_answers_are_joined_by_what_they_echo(values: list[Struct], shuffle: random.Random) -> None:
    """However an answer is ordered, every value gets an id whose record is equal to it in all that is echoed."""
    items = stored(values, keep_relationships=True)
    by_id = {item["id"]: value for item, value in zip(items, values, strict=True)}
    shuffle.shuffle(items)
    ids = CREATE.ids(answer(items), values)
    assert ids is not None
    assert [by_id[identity] for identity in ids] == values
    assert set(ids) == set(by_id)


@UNHURRIED
@given(st.lists(ENTRIES, min_size=2, max_size=30), st.data())
def test_answers_in_order_keep_their_order_though_values_are_rewritten(
    values: list[Struct], data: st.DataObject
) -> None:
    """Sanitised notes do not confuse an answer in order: position decides where nothing speaks against it."""
    values = [msgspec.structs.replace(value, person_id=1) for value in values]
    items = stored(values)
    for item in items:
        if data.draw(st.booleans()):
            item["attributes"]["note"] = f"<div>{item['attributes'].get('note', '')} {item['id']}</div>"
    assert CREATE.ids(answer(items), values) == [item["id"] for item in items]


def test_shuffled_answers_with_rewritten_notes_are_joined_by_the_rest() -> None:
    """One sanitised note spoils neither the other attributes nor the other notes."""
    values = [entry(time=30 + place // 2, note=f"<i>{place}</i>") for place in range(10)]
    items = stored(values)
    items[3]["attributes"]["note"] = "3"
    for place in (5, 6):
        items[place]["attributes"]["note"] = "gone"
    items.reverse()
    ids = CREATE.ids(answer(items), values)
    assert ids == [str(900 + place) for place in range(10)]


@UNHURRIED
@given(st.lists(ENTRIES, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_what_an_answer_does_not_tell_apart_is_asked_for(values: list[Struct], shuffle: random.Random) -> None:
    """An answer in any order that shows no more than it was asked for gives every value the id of an equal record."""
    asked = dict(CREATE.request(values, bulk=True).params).get("include", "").split(",")
    items = stored(values, keep_relationships=True)
    for item in items:
        item["relationships"] = {name: link for name, link in item["relationships"].items() if name in asked}
    by_id = {item["id"]: value for item, value in zip(items, values, strict=True)}
    shuffle.shuffle(items)
    ids = CREATE.ids(answer(items), values)
    assert ids is not None
    assert [by_id[identity] for identity in ids] == values


@UNHURRIED
@given(st.lists(ENTRIES, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_an_answer_that_tells_too_little_is_not_guessed_at(values: list[Struct], shuffle: random.Random) -> None:
    """Where the API shows no relationships all the same, ids come only if all rows that look alike are equal."""
    items = stored(values)
    by_id = {item["id"]: value for item, value in zip(items, values, strict=True)}
    shuffle.shuffle(items)
    ids = CREATE.ids(answer(items), values)
    asked = CREATE.request(values, bulk=True).params
    assert (ids is None) == bool(asked)
    assert ids is None or [by_id[identity] for identity in ids] == values


def test_nothing_is_asked_for_that_is_not_needed() -> None:
    """Only relationships in which rows that are alike differ, and of one record none."""
    alike = [entry(person_id=person) for person in (1, 2)]
    assert CREATE.request(alike, bulk=True).params == (("include", "person"),)
    assert CREATE.request(alike[:1], bulk=True).params == ()
    assert CREATE.request(alike[:1], bulk=False).params == ()
    assert CREATE.request([*alike, entry(service_id=2)], bulk=True).params == (("include", "person,service"),)
    assert CREATE.request([entry(person_id=1), entry(person_id=2, note="x")], bulk=True).params == ()
    assert CREATE.request([entry(), entry()], bulk=True).params == ()


def test_values_without_a_hash_are_compared() -> None:
    """Lists and tables among the attributes are compared by what they say."""
    tasks = table("tasks")
    values = [
        msgspec.convert(
            {"title": "T", "project_id": project, "task_list_id": 1, "custom_fields": {"1": [2]}}, tasks.struct
        )
        for project in (1, 2)
    ]
    assert codec(tasks).request(values, bulk=True).params == (("include", "project"),)
    other = msgspec.structs.replace(values[1], custom_fields={"1": [3]})
    assert codec(tasks).request([values[0], other], bulk=True).params == ()


def test_a_guess_in_another_order_is_none() -> None:
    """Two notes that were rewritten, while other rows came in another order: nobody knows which is which."""
    values = [entry(note=note) for note in ("<i>a</i>", "<i>b</i>")] + [entry(time=1), entry(time=2)]
    items = stored(values)
    for item, note in zip(items, "ab", strict=False):
        item["attributes"]["note"] = note
    assert CREATE.ids(answer(items), values) == ["900", "901", "902", "903"]
    assert CREATE.ids(answer(items[::-1]), values) is None
    assert CREATE.ids(answer([*items[1:], items[0]]), values) is None


def test_equal_rows_take_ids_in_the_answers_order() -> None:
    """Identical rows are interchangeable; each gets an id of its own."""
    values = [entry() for _ in range(5)]
    assert CREATE.ids(answer(stored(values)), values) == ["900", "901", "902", "903", "904"]


def test_a_table_that_promises_order_is_believed() -> None:
    """Where the table says `ordered`, answers are joined by position even if their values say otherwise."""
    bulk = Bulk(operations=frozenset({"create"}), ordered=True)
    ordered = codec(msgspec.structs.replace(TIME_ENTRIES, bulk=bulk))
    values = [entry(time=time) for time in (1, 2)]
    items = stored(values)[::-1]
    assert ordered.ids(answer(items), values) == ["901", "900"]
    assert CREATE.ids(answer(items), values) == ["900", "901"]


def test_numbers_come_back_in_several_spellings() -> None:
    """Money comes back as text, whole numbers with a fraction; all of them still join a shuffled answer."""
    services = table("services")
    values = [
        msgspec.convert(
            {"name": "S", "deal_id": 1, "limitation_type": "no_limitation", "price": price}, services.struct
        )
        for price in (100, 200, 300, 400)
    ]
    items = [
        {"id": price, "type": "services", "attributes": {"name": "S", "price": spelt, "quantity": None}}
        for price, spelt in ((300, "300"), (400, 400.0), (100, 100.0), (200, " 200 "))
    ]
    assert codec(services).ids(answer(items), values) == ["100", "200", "300", "400"]


def test_a_single_create_is_answered_with_one_object() -> None:
    """A single record comes as an object; relationships and attributes may be missing or null."""
    for item in (
        {"id": 7, "type": "time_entries"},
        {"id": "7", "type": "time_entries", "attributes": None, "relationships": None},
    ):
        assert CREATE.ids(answer(item), [entry()]) == ["7"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Sign in</title>",
        b"null",
        b"[]",
        b'{"data":null}',
        b'{"errors":[{"status":"422"}]}',
        answer([]),
        answer([{"id": "1", "type": "time_entries"}]),
        answer([{"id": "1", "type": "time_entries"}, {"id": "1", "type": "time_entries"}]),
        answer([{"id": "1", "type": "time_entries"}, {"id": "2", "type": "tasks"}]),
        answer([{"id": "1", "type": "time_entries"}, {"id": "", "type": "time_entries"}]),
        answer([{"id": "1", "type": "time_entries"}, {"id": None, "type": "time_entries"}]),
        answer([{"id": "1", "type": "time_entries"}, {"type": "time_entries"}]),
        answer([{"id": "1", "type": "time_entries"}, {"id": True, "type": "time_entries"}]),
        answer([{"id": str(place), "type": "time_entries"} for place in range(3)]),
        answer([{"id": str(place), "type": "time_entries"} for place in range(2)])[:-20],
        b"[" * 100_000,
        b'{"meta":' + b"[" * 100_000,
        b'{"data":' + b"[" * 100_000,
        b'{"data":[{"id":' + b"1" * 5000 + b"}]}",
        b"\xff\xfe",
    ],
)
def test_what_does_not_bear_out_a_success_is_none(body: bytes) -> None:
    """Wrong shape, type, count or ids, HTML, cut or absurd JSON: never a success, never an exception."""
    values = [entry(), entry(time=2)]
    assert CREATE.ids(body, values) is None
    assert codec(TIME_ENTRIES, "update").ids(body, [identified(1), identified(2)]) is None


def identified(number: int, operation: str = "update") -> Struct:
    return msgspec.convert({"id": number}, form(TIME_ENTRIES, operation))


def test_updates_are_joined_by_id() -> None:
    """An update succeeded if its answer names exactly the records that were sent, in any order."""
    update = codec(TIME_ENTRIES, "update")
    values = [identified(1), identified(2)]
    records = [{"id": number, "type": "time_entries"} for number in (2, 1)]
    assert update.ids(answer(records), values) == ["1", "2"]
    records[0]["id"] = 3
    assert update.ids(answer(records), values) is None


def test_deletes_are_answered_with_nothing() -> None:
    """204 without a body is the success of a delete; any data, page or error is not."""
    delete = codec(TIME_ENTRIES, "delete")
    values = [identified(1, "delete"), identified(2, "delete")]
    for body in (b"", b" \n", b'{"meta":{}}', b'{"data":null}'):
        assert delete.ids(body, values) == ["1", "2"]
    for body in (b"<html>", b'{"errors":[]}', b'{"data":[]}', b'{"message":"ok"}', b"0"):
        assert delete.ids(body, values) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@UNHURRIED
@given(st.binary(max_size=60))
def test_random_bytes_raise_nothing(body: bytes) -> None:
    """Whatever bytes come, the answer is ids or None."""
    for operation in ("update", "delete"):
        codec(TIME_ENTRIES, operation).ids(body, [identified(1)])
    assert CREATE.ids(body, [entry()]) is None


@UNHURRIED
@given(st.lists(st.tuples(st.sampled_from(["id", "type", "attributes", "relationships"]), JSON), max_size=2), JSON)
def test_mutated_answers_raise_nothing(changes: list[tuple[str, Any]], odd: Any) -> None:
    """Any JSON may stand where we expect something else; ids, if any come, are distinct texts."""
    values = [entry(), entry(time=2), entry(note="x")]
    items = stored(values)[::-1]
    items[0] |= dict(changes)
    items[1]["attributes"]["note"] = odd
    items[2]["relationships"]["person"] = odd
    items[2]["relationships"]["service"] = {"data": odd}
    ids = CREATE.ids(answer(items), values)
    assert ids is None or (len(set(ids)) == 3 and all(isinstance(identity, str) for identity in ids))


COLUMN = st.lists(st.sampled_from("abc"), min_size=6, max_size=6)


@UNHURRIED
@given(st.lists(st.tuples(COLUMN, COLUMN), max_size=4))
def test_a_join_is_a_permutation(columns: list[tuple[list[str], list[str]]]) -> None:
    """Every value gets one answer and every answer one value, whatever was echoed; in order always without a doubt."""
    places = join(columns, 6)
    assert places is None or sorted(places) == list(range(6))
    assert join([(sent, sent) for sent, _ in columns], 6) == list(range(6))
