"""Lists: one page of the records that a call's filters select, in the order it asks for.

https://developer.productive.io/guides/pagination, /guides/sorting. Pages larger than 200 are cut to 200.
"""

import math
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from headrace.sandbox.api import Context
from headrace.sandbox.jsonapi import problems
from headrace.sandbox.jsonapi.filters import FLAGS, predicate_of
from headrace.sandbox.jsonapi.kind import Kind
from headrace.sandbox.jsonapi.rendering import View
from headrace.sandbox.message import Call
from headrace.sandbox.store import Record

DEFAULT_PAGE_SIZE: Final = 30
MAX_PAGE_SIZE: Final = 200


def listing(call: Call, kind: Kind, view: View, context: Context) -> dict[str, Any]:
    """Return the document of one page. Raises 400 for filters and sort keys that are not supported."""
    params = dict(call.params)
    if "page[after]" in params:
        return _after(call, kind, view, context, params)
    number, size = _natural(params.get("page[number]"), 1), _page_size(params)
    records = _chosen(call, kind, context, is_first=number == 1)
    document = view.document(kind, islice(records, (number - 1) * size, number * size))
    pages = math.ceil(len(records) / size)
    document["links"] = _links(call, number, size, pages)
    document["meta"] = {
        "current_page": number,
        "total_pages": pages,
        "total_count": len(records),
        "page_size": size,
        "max_page_size": MAX_PAGE_SIZE,
    }
    return document


def _chosen(call: Call, kind: Kind, context: Context, *, is_first: bool) -> Collection[Record]:
    """Return the records that the filters select, in the order asked for.

    The first page looks at all of them; the others are pages of what it found, as long as nothing was written.
    """
    store = context.store
    asked = [(name, value) for name, value in call.params if name == "sort" or name.startswith("filter[")]
    question = (kind.type, call.headers.get(FLAGS, ""), *asked)
    known = None if is_first else store.recall(question)
    if known is not None:
        return known
    records = _ordered(_selected(call, kind, context), kind, dict(asked).get("sort", ""))
    if isinstance(records, list) and not store.is_lagging:
        store.remember(question, records)
    return records


def _selected(call: Call, kind: Kind, context: Context) -> Collection[Record]:
    """Return the records that the filters select; where they select all, the store's own view and no copy."""
    records: Collection[Record] = context.store.table(kind.type).values()
    predicate = predicate_of(call, kind)
    if context.store.is_lagging:
        records = [each for each in records if each.visible_at <= call.now]
    return records if predicate is None else [each for each in records if predicate(each)]


def _natural(text: str | None, default: int) -> int:
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) < 10
    return max(1, int(text or default)) if is_number else default


def _page_size(params: dict[str, str]) -> int:
    return min(_natural(params.get("page[size]"), DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE)


def _ordered(records: Collection[Record], kind: Kind, sort: str) -> Collection[Record]:
    for key in reversed([part for part in sort.split(",") if part]):
        name = key.removeprefix("-")
        if name not in kind.sorts:
            raise problems.unsupported("Sort", f"Sort by '{key}'")
        records = sorted(records, key=_sort_key(name, kind), reverse=key.startswith("-"))
    return records


def _sort_key(name: str, kind: Kind) -> Callable[[Record], Any]:
    if name in {"id", "created_at", "updated_at"}:
        return lambda record: getattr(record, name)
    check = kind.attributes.get(name)

    def key(record: Record) -> tuple[bool, Any]:
        value = record.attributes.get(name)
        return (True, 0) if value is None else (False, check.stored(value) if check else value)

    return key


def _links(call: Call, number: int, size: int, pages: int) -> dict[str, str]:
    others = [(name, value) for name, value in call.params if name not in {"page[number]", "page[size]"}]

    def link(page: int) -> str:
        query = urlencode([*others, ("page[number]", str(page)), ("page[size]", str(size))])
        return f"{call.base}{call.path}?{query}"

    links = {"first": link(1), "last": link(max(pages, 1))}
    if number > 1:
        links["prev"] = link(number - 1)
    if number < pages:
        links["next"] = link(number + 1)
    return links


# --- pages by cursor: the id of the last record seen ------------------------------------------------------------


def _after(call: Call, kind: Kind, view: View, context: Context, params: dict[str, str]) -> dict[str, Any]:
    cursor = params["page[after]"]
    if params.get("sort"):
        raise problems.unsupported("Sort", f"Sort by '{params['sort']}' with a cursor")
    if cursor and not (cursor.isascii() and cursor.isdigit()):
        raise problems.unsupported("Filter Value", f"Cursor '{cursor}'")
    size, last = _page_size(params), int(cursor or 0)
    records = _chosen(call, kind, context, is_first=not last)
    found = list(islice((each for each in records if each.id > last), size + 1))
    document = view.document(kind, found[:size])
    document["links"] = {}
    if len(found) > size:
        others = [(name, value) for name, value in call.params if name != "page[after]"]
        query = urlencode([*others, ("page[after]", str(found[size - 1].id))])
        document["links"]["next"] = f"{call.base}{call.path}?{query}"
    document["meta"] = {"page_size": size, "max_page_size": MAX_PAGE_SIZE}
    return document
