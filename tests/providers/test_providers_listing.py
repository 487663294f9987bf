"""Listings: filters, options and pages."""

import datetime as dt
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from providers_rows import UNHURRIED

from headrace.model import Lane, Request
from headrace.provider import Page, Resource
from headrace.providers import PROVIDERS

PRODUCTIVE = PROVIDERS["productive"]


def table(name: str) -> Resource:
    found = PRODUCTIVE.resource(name)
    assert found is not None
    return found


def listing(name: str = "time_entries", **options: Any) -> Request:
    return PRODUCTIVE.wire.listing(PRODUCTIVE, table(name), filters=options.pop("filters", {}), **options)


def page(request: Request, document: Any) -> Page:
    found = PRODUCTIVE.wire.page(request, orjson.dumps(document))
    assert found is not None
    return found


def test_a_listing_is_a_read_with_the_largest_page() -> None:
    """The first page is a GET of 200 records, counted in the general windows, in the lane of read-backs."""
    request = listing()
    assert (request.method, request.path, request.route, request.lane) == ("GET", "/time_entries", None, Lane.READBACK)
    assert request.is_read
    assert request.params == (("page[number]", "1"), ("page[size]", "200"))
    assert listing(size=50).params[-1] == ("page[size]", "50")
    assert listing(size=500).params[-1] == ("page[size]", "200")


def test_filters_with_values_alternatives_operations_and_groups() -> None:
    """Filters are spelt as the vendor's filtering guide has them, groups included."""
    filters = {
        "person_id": 24,
        "date": {"gt_eq": dt.date(2024, 1, 1), "lt": "2025-01-01"},
        "company_id": [1, 2],
        "billable": True,
        "custom_fields": {"307": {"eq": "x&y"}},
        "$op": "or",
        "0": {"name": {"eq": "Productive"}},
        "1": {"$op": "and", "0": {"date": {"gt": "2024-01-01"}}},
    }
    assert listing(filters=filters).params[:-2] == (
        ("filter[person_id]", "24"),
        ("filter[date][gt_eq]", "2024-01-01"),
        ("filter[date][lt]", "2025-01-01"),
        ("filter[company_id][]", "1"),
        ("filter[company_id][]", "2"),
        ("filter[billable]", "true"),
        ("filter[custom_fields][307][eq]", "x&y"),
        ("filter[$op]", "or"),
        ("filter[0][name][eq]", "Productive"),
        ("filter[1][$op]", "and"),
        ("filter[1][0][date][gt]", "2024-01-01"),
    )


def test_options_take_our_names_and_the_vendors() -> None:
    """Relationships may be named as fields; in the query they lose their `_id`."""
    params = dict(listing(include=["person_id", "service"], fields=["note", "task_id"], sort="-date").params)
    assert params["include"] == "person,service"
    assert params["fields[time_entries]"] == "note,task"
    assert params["sort"] == "-date"
    with pytest.raises(TypeError):
        listing(grouping="person")


def test_items_are_flat() -> None:
    """A record is one mapping: id, attributes, and ids of related records where they are included."""
    record = {
        "id": 7,
        "type": "time_entries",
        "attributes": {"note": "n", "time": 30},
        "relationships": {
            "person": {"data": {"type": "people", "id": "3"}},
            "task": {"data": None},
            "service": {"meta": {"included": False}},
            "tags": {"data": [{"type": "tags", "id": 1}, {"type": "tags", "id": 2}]},
        },
    }
    (item,) = page(listing(), {"data": [record], "meta": {"settings": {"deep": [1]}}}).items
    assert item == {"id": "7", "note": "n", "time": 30, "person_id": "3", "task_id": None, "tag_ids": ["1", "2"]}
    assert page(listing(), {"data": record}).items == [item]
    assert page(listing(), {"data": None}).items == []


@UNHURRIED
@given(st.integers(0, 700), st.integers(1, 200))
def test_a_walk_sees_every_record_once(count: int, size: int) -> None:
    """Following counted pages from the first ends, and shows each record once, with filters kept."""
    request: Request | None = listing(size=size, filters={"company_id": [1, 2]})
    pages, seen, requests = -(-count // size), [], 0
    while request is not None:
        requests += 1
        number = int(dict(request.params)["page[number]"])
        assert [name for name, _ in request.params].count("filter[company_id][]") == 2
        records = [{"id": n, "type": "time_entries"} for n in range((number - 1) * size, min(number * size, count))]
        meta = {
            "current_page": number,
            "total_pages": pages,
            "total_count": count,
            "page_size": size,
            "max_page_size": 200,
        }
        answer = page(request, {"data": records, "meta": meta})
        assert answer.total == count
        seen += [item["id"] for item in answer.items]
        request = answer.following
    assert seen == [str(n) for n in range(count)]
    assert requests == max(pages, 1)


def test_links_are_followed_where_pages_are_not_counted() -> None:
    """Cursor pages: the next link's parameters on our own path; never its host, never twice the same."""
    first = listing()
    answer = page(
        first,
        {
            "data": [{"id": 1, "type": "x"}],
            "links": {"next": "https://evil.example/steal?page[after]=abc&page%5Bsize%5D=200"},
        },
    )
    assert answer.following is not None
    assert answer.following.path == "/time_entries"
    assert answer.following.params == (("page[after]", "abc"), ("page[size]", "200"))
    again = page(
        answer.following, {"data": [{"id": 1, "type": "x"}], "links": {"next": "?page[size]=200&page[after]=abc"}}
    )
    assert again.following is None
    assert page(first, {"data": [{"id": 1, "type": "x"}], "links": {"next": None}}).following is None


def test_an_empty_page_ends_the_walk() -> None:
    """A server whose count is wrong cannot keep us walking."""
    assert page(listing(), {"data": [], "meta": {"total_pages": 9}}).following is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"errors":[]}',
        b'{"data":7}',
        b'{"data":[{"id":1}]}',
        b'{"data":[],"x":' + b"[" * 100_000,
    ],
)
def test_other_bodies_are_not_pages(body: bytes) -> None:
    """HTML, errors and other JSON are None, not an empty page."""
    assert PRODUCTIVE.wire.page(listing(), body) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "id", "next", "total_pages"]), inner, max_size=3)
    ),
    max_leaves=8,
)


RECORD = st.fixed_dictionaries({"id": st.integers(0, 2**40), "type": st.text(max_size=2), "relationships": JSON})
LINKS = st.fixed_dictionaries({"next": st.text(max_size=30)})
DOCUMENT = st.fixed_dictionaries({"data": st.lists(RECORD, max_size=3) | JSON, "meta": JSON, "links": JSON | LINKS})


@UNHURRIED
@given(DOCUMENT | JSON)
def test_no_page_raises(document: Any) -> None:
    """Any JSON is a page or None."""
    PRODUCTIVE.wire.page(listing(), orjson.dumps(document))
