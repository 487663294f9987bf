"""Bulk requests: all or nothing, in order, no larger than allowed; and the switches that change this."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_desk import Desk, entry, few

TABLE = {
    "time_entries": "create update delete",
    "tasks": "create update delete",
    "todos": "create update delete",
    "bookings": "create update delete",
    "services": "create update delete",
    "expenses": "update delete",
    "deals": "update delete",
    "projects": "update",
    "people": "update",
    "companies": "update",
    "timesheets": "create",
    "service_assignments": "create delete",
    "service_type_assignments": "create delete",
    "line_items": "create update delete",
    "expense_line_items": "create update delete",
}


def test_the_bulk_table_is_that_of_the_papers() -> None:
    """Exactly these operations of exactly these resources take many records (PROVIDERS.md 1.4)."""
    from headrace.sandbox.productive import KINDS

    assert {kind.type: kind.bulk for kind in KINDS if kind.bulk} == {k: frozenset(v.split()) for k, v in TABLE.items()}


def test_lines_of_expenses_are_written_in_bulk_only() -> None:
    """One line alone is refused, changed or deleted by no path of its own; as a list of one it is."""
    desk = Desk()
    line = {"type": "expense_line_items", "attributes": {"name": "L", "quantity": 1, "unit_price": 5, "expense_id": 81}}
    assert desk.call("POST", "/expense_line_items", {"data": line}).status == 415
    assert desk.bulk("POST", "/expense_line_items", [line]).ids == ["1"]
    assert desk.call("PATCH", "/expense_line_items/1", {"data": line | {"id": "1"}}).status == 404
    assert desk.call("DELETE", "/expense_line_items/1").status == 404
    assert desk.bulk("PATCH", "/expense_line_items", [line | {"id": "1"}]).status == 200
    assert desk.bulk("DELETE", "/expense_line_items", [{"type": "expense_line_items", "id": "1"}]).status == 204


@few
@given(good=st.lists(st.booleans(), min_size=1, max_size=30))
def test_a_refused_batch_stores_nothing(good: list[bool]) -> None:
    """Whatever the mix, a batch with a bad record stores nothing and names each fault; a good one stores all."""
    desk = Desk()
    answer = desk.bulk("POST", "/time_entries", [entry(str(i), time=60 if ok else 0) for i, ok in enumerate(good)])
    assert answer.status == (201 if all(good) else 422)
    assert desk.count("time_entries") == (len(good) if all(good) else 0)
    if not all(good):
        assert len(answer.faults) == good.count(False)


def test_pointers_carry_no_index_unless_asked() -> None:
    """By default a bulk error does not say which record; `pointers=indexed` does."""
    batch = [entry(), entry(time=0), entry(time=None)]
    plain = Desk().bulk("POST", "/time_entries", batch)
    indexed = Desk(pointers="indexed").bulk("POST", "/time_entries", batch)
    assert [pointer for pointer, _ in plain.faults] == ["data/attributes/time"] * 2
    assert [pointer for pointer, _ in indexed.faults] == ["data/1/attributes/time", "data/2/attributes/time"]
    single = Desk(pointers="indexed").call("POST", "/time_entries", {"data": entry(time=0)})
    assert [pointer for pointer, _ in single.faults] == ["data/attributes/time"]


def test_partial_atomicity_stores_the_good_ones() -> None:
    """With `atomicity=partial` the answer is the same 422, and the good records are there."""
    desk = Desk(atomicity="partial")
    assert desk.bulk("POST", "/time_entries", [entry("a"), entry("b", time=0), entry("c")]).status == 422
    assert desk.count("time_entries") == 2


def test_the_order_of_answers() -> None:
    """Answers keep the request's order; with `order=shuffled` they are the same records in another, seeded one."""
    batch = [entry(str(place)) for place in range(40)]

    def notes(desk: Desk) -> list[str]:
        return [each["attributes"]["note"] for each in desk.bulk("POST", "/time_entries", batch).document["data"]]

    expected = [str(place) for place in range(40)]
    assert notes(Desk()) == expected
    shuffled = notes(Desk(order="shuffled", seed=1))
    assert shuffled != expected
    assert sorted(shuffled, key=int) == expected
    assert shuffled == notes(Desk(order="shuffled", seed=1))


def test_a_batch_that_is_too_large_is_413() -> None:
    """More than `max_bulk` records are refused before any is looked at."""
    desk = Desk(max_bulk=3)
    assert desk.bulk("POST", "/time_entries", [entry()] * 4).status == 413
    assert desk.bulk("POST", "/time_entries", [entry()] * 3).status == 201
    assert Desk().bulk("POST", "/time_entries", [entry()] * 101).status == 413


@pytest.mark.parametrize("as_text", [True, False])
def test_update_and_delete_in_bulk(as_text: bool) -> None:
    """`PATCH` answers 200 with the records, `DELETE` 204 without a body; ids are text or numbers."""
    desk = Desk()
    ids = desk.bulk("POST", "/time_entries", [entry("a"), entry("b")]).ids
    named = [number if as_text else int(number) for number in ids]
    changes = [{"type": "time_entries", "id": number, "attributes": {"note": f"new {number}"}} for number in named]
    answer = desk.bulk("PATCH", "/time_entries", changes)
    assert (answer.status, answer.ids) == (200, ids)
    assert answer.document["data"][1]["attributes"]["note"] == f"new {ids[1]}"
    gone = desk.bulk("DELETE", "/time_entries", [{"type": "time_entries", "id": number} for number in named])
    assert (gone.status, gone.reply.body) == (204, b"")
    assert desk.count("time_entries") == 0


def test_unknown_ids_refuse_the_whole_batch() -> None:
    """An id that is not there (or none at all) is 404 for the batch; nothing is changed or deleted."""
    desk = Desk()
    number = desk.bulk("POST", "/time_entries", [entry("a")]).ids[0]
    for other in ({"id": "999"}, {}):
        items = [{"type": "time_entries", "id": number, "attributes": {"note": "x"}}, {"type": "time_entries", **other}]
        assert desk.bulk("PATCH", "/time_entries", items).status == 404
        assert desk.bulk("DELETE", "/time_entries", items).status == 404
    assert desk.get(f"/time_entries/{number}").document["data"]["attributes"]["note"] == "a"
