"""Lists: pages, filters, groups, sorting. Filters are compared with plain Python over the same records."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_desk import Desk, entry, few, many

from headrace.sandbox.store import Record

Params = list[tuple[str, str]]


def seeded(count: int = 0, **kinds: Any) -> Desk:
    desk = Desk()
    wanted = {"time_entries": count} | kinds
    assert desk.call("POST", "/__sandbox/seed", wanted).status == 201
    return desk


def ids_of(desk: Desk, kind: str, params: Params, **headers: str) -> list[int]:
    answer = desk.get(f"/{kind}", urlencode([*params, ("page[size]", "200")]), **headers)
    assert answer.status == 200, answer.document
    return [int(number) for number in answer.ids]


@few
@given(total=st.integers(0, 70), size=st.integers(1, 40))
def test_a_walk_over_pages_sees_each_record_once(total: int, size: int) -> None:
    """Pages by number and by cursor hold all records once, in order; `meta` adds up; `next` is missing at the end."""
    desk = seeded(total)
    seen, number = [], 1
    while True:
        document = desk.get("/time_entries", f"page[number]={number}&page[size]={size}").document
        seen += [int(each["id"]) for each in document["data"]]
        assert document["meta"]["total_count"] == total
        assert document["meta"]["total_pages"] == -(-total // size)
        if "next" not in document["links"]:
            break
        number += 1
    assert seen == list(range(1, total + 1))
    assert number == max(1, document["meta"]["total_pages"])
    assert by_cursor(desk, size) == seen


def by_cursor(desk: Desk, size: int) -> list[int]:
    seen, query = [], f"page[after]=&page[size]={size}"
    while query:
        document = desk.get("/time_entries", query).document
        seen += [int(each["id"]) for each in document["data"]]
        query = document["links"].get("next", "?").partition("?")[2]
    return seen


def created(desk: Desk) -> None:
    assert desk.call("POST", "/time_entries", {"data": entry("later", time=60)}).status == 201


def changed(desk: Desk) -> None:
    table = desk.sandbox.store.table("time_entries")
    change = {"type": "time_entries", "id": str(min(table)), "attributes": {"note": "other"}}
    assert desk.call("PATCH", f"/time_entries/{min(table)}", {"data": change}).status == 200


def deleted(desk: Desk) -> None:
    assert desk.call("DELETE", f"/time_entries/{min(desk.sandbox.store.table('time_entries'))}").status == 204


def sown(desk: Desk) -> None:
    assert desk.call("POST", "/__sandbox/seed", {"time_entries": [{"note": "later", "time": 60}]}).status == 201


WRITES = st.sampled_from([created, changed, deleted, sown])


@few
@given(
    st.lists(st.tuples(st.lists(WRITES, max_size=2), st.integers(1, 9)), min_size=1, max_size=8),
    st.sampled_from(["", "sort=-id&", "sort=note,-time&", "filter[note]=later&", "filter[note][not_eq]=other&"]),
)
def test_every_page_shows_what_is_there_now(steps: list[tuple[list[Any], int]], query: str) -> None:
    """Whatever is written between two pages, each is what the first look at an equal sandbox would show."""
    desk, fresh = seeded(30), seeded(30)
    for writes, number in steps:
        for write in writes:
            write(desk)
            write(fresh)
        fresh.sandbox.store.forget()
        page = f"{query}page[size]=4&page[number]={number}"
        cursor = "" if "sort" in query else f"{query}page[size]=4&page[after]={number}"
        for asked in (page, cursor):
            assert desk.get("/time_entries", asked).document == fresh.get("/time_entries", asked).document
            fresh.sandbox.store.forget()


def test_page_sizes() -> None:
    """30 by default, 200 at most: more is cut; nonsense is the default; a page past the end is empty."""
    desk = seeded(250)
    for query, length, size in (("", 30, 30), ("page[size]=1000", 200, 200), ("page[size]=x", 30, 30)):
        document = desk.get("/time_entries", query).document
        assert (len(document["data"]), document["meta"]["page_size"]) == (length, size)
    assert desk.get("/time_entries", "page[number]=99").document["data"] == []


def test_links_keep_the_filters() -> None:
    """The next page's link asks for the same records."""
    document = seeded(100).get("/time_entries", "filter[person_id]=201&page[size]=5").document
    assert "filter%5Bperson_id%5D=201" in document["links"]["next"]
    assert "page%5Bnumber%5D=2&page%5Bsize%5D=5" in document["links"]["next"]


OPERATIONS = {
    "eq": lambda held, wanted: held == wanted,
    "not_eq": lambda held, wanted: held != wanted,
    "gt": lambda held, wanted: held > wanted,
    "gt_eq": lambda held, wanted: held >= wanted,
    "lt": lambda held, wanted: held < wanted,
    "lt_eq": lambda held, wanted: held <= wanted,
}

ENTRIES = seeded(120)
RECORDS = ENTRIES.sandbox.store.table("time_entries")

terms = st.one_of(
    st.tuples(st.just("person_id"), st.sampled_from(["eq", "not_eq"]), st.integers(200, 207)),
    st.tuples(st.just("note"), st.sampled_from(sorted(OPERATIONS)), st.integers(1, 130).map("Entry {}".format)),
    st.tuples(st.just("date"), st.sampled_from(sorted(OPERATIONS)), st.dates().map(str)),
)


def holds(record: Record, term: Any) -> bool:
    name, operation, wanted = term
    held = record.links["person"] if name == "person_id" else record.attributes[name]
    return OPERATIONS[operation](held, wanted)


@few
@given(
    groups=st.lists(st.lists(terms, min_size=1, max_size=3), min_size=1, max_size=3),
    outer=st.sampled_from(["or", "and"]),
)
def test_filters_and_groups_agree_with_plain_python(groups: Any, outer: str) -> None:
    """Two levels of groups of any operations select what the same condition selects in Python."""
    inner, join, joined = ("and", any, all) if outer == "or" else ("or", all, any)
    params = [("filter[$op]", outer)]
    for place, group in enumerate(groups):
        params.append((f"filter[{place}][$op]", inner))
        params += [(f"filter[{place}][{at}][{name}][{how}]", str(value)) for at, (name, how, value) in enumerate(group)]
    expected = [number for number, each in RECORDS.items() if join(joined(holds(each, t) for t in g) for g in groups)]
    assert ids_of(ENTRIES, "time_entries", params) == expected


def test_the_guides_spellings_of_values() -> None:
    """One value, a comma list and an array mean the same; text may hold commas; `id` can be asked for."""
    desk = seeded(12)
    some = [1, 2, 7, 8]
    assert ids_of(desk, "time_entries", [("filter[person_id]", "202,203")]) == some
    assert ids_of(desk, "time_entries", [("filter[person_id][]", "202"), ("filter[person_id][]", "203")]) == some
    assert ids_of(desk, "time_entries", [("filter[person_id][eq]", "202,203")]) == some
    assert ids_of(desk, "time_entries", [("filter[id]", "3,5")]) == [3, 5]
    desk.call("POST", "/time_entries", {"data": entry("one, two")})
    assert ids_of(desk, "time_entries", [("filter[note]", "one, two")]) == [13]
    assert ids_of(desk, "time_entries", [("filter[note][contains]", "ONE,")]) == [13]
    assert ids_of(desk, "time_entries", [("filter[note][not_contain]", "entry")]) == [13]
    assert ids_of(desk, "time_entries", [("filter[query]", "TWO")]) == [13]
    assert ids_of(desk, "time_entries", [("filter[task_id]", "")]) == list(range(1, 13))


def test_filters_of_other_resources() -> None:
    """E-mail, project status, archived and custom fields, old names and hidden drafts."""
    desk = Desk()
    assert ids_of(desk, "people", [("filter[email]", "ada.lovelace@northwind.example")]) == [201]
    assert ids_of(desk, "projects", [("filter[project_type]", "1")]) == [503]
    assert ids_of(desk, "projects", [("filter[responsible_id]", "201"), ("filter[company_id]", "102")]) == [501]
    assert desk.call("PATCH", "/projects/502/archive").status == 200
    assert ids_of(desk, "projects", [("filter[status]", "2")]) == [502]
    own = {"name": "Own", "data_type_id": 1, "customizable_type": "tasks", "project_id": 501, "global": False}
    field = desk.create("custom_fields", **own).document["data"]["id"]
    assert ids_of(desk, "custom_fields", [("filter[global]", "false"), ("filter[project_id]", "501")]) == [int(field)]
    desk.call("PATCH", f"/custom_fields/{field}/archive")
    assert ids_of(desk, "custom_fields", [("filter[archived]", "true")]) == [int(field)]
    archived = [("filter[archived]", "false"), ("filter[customizable_type]", "tasks")]
    assert ids_of(desk, "custom_fields", archived) == [51]
    company = desk.create("companies", name="x", custom_fields={"53": "K-7", "60": "2"}).document["data"]["id"]
    assert ids_of(desk, "companies", [("filter[custom_fields][53][eq]", "K-7")]) == [int(company)]
    assert ids_of(desk, "companies", [("filter[custom_fields][60]", "2")]) == [int(company)]
    assert ids_of(desk, "companies", [("filter[custom_fields][53][eq]", "K-8")]) == []
    draft = {"person_id": 201, "started_on": "2026-01-01", "ended_on": "2026-01-01", "event_id": 31, "draft": True}
    number = desk.create("bookings", **draft).document["data"]["id"]
    assert ids_of(desk, "bookings", []) == []
    assert ids_of(desk, "bookings", [("filter[with_draft]", "true"), ("filter[draft]", "true")]) == [int(number)]


def test_dates_and_times() -> None:
    """A time is compared as a date, unless the feature flag asks for seconds and the value holds a time."""
    desk = Desk()
    desk.call("POST", "/time_entries", {"data": entry("first")})  # 2023-11-14T22:13:20Z
    desk.now += 60
    desk.call("POST", "/time_entries", {"data": entry("second")})
    later = [("filter[created_at][gt_eq]", "2023-11-14T22:14:00.000+00:00")]
    exact = {"X_Feature_Flags": "filteringSkipDatetimeCastToDate"}
    assert ids_of(desk, "time_entries", later) == [1, 2]
    assert ids_of(desk, "time_entries", later, **exact) == [2]
    assert ids_of(desk, "time_entries", [("filter[created_at]", "2023-11-14")], **exact) == [1, 2]
    assert ids_of(desk, "time_entries", [("filter[created_at][gt]", "2023-11-14")]) == []
    assert ids_of(desk, "time_entries", [("filter[date]", "2024-08-28T10:00:00")], **exact) == [1, 2]


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("filter[nonsense]=1", "Unsupported Filter"),
        ("filter[person_id][like]=1", "Unsupported Filter"),
        ("filter[person_id]=abc", "Unsupported Filter Value"),
        ("filter[date]=tomorrow", "Unsupported Filter Value"),
        ("filter[$op]=xor&filter[0][time]=1", "Unsupported Filter Value"),
        ("filter[0][nonsense]=1", "Unsupported Filter"),
        ("filter[time]=1&filter[time][eq]=1", "Unsupported Filter"),
        ("filter[time][eq]=1&filter[time]=1", "Unsupported Filter"),
        ("filter[0][1][2][3][4][5][6][7][8][9]=1", "Unsupported Filter"),
        ("filter[custom_fields][51]=1", "Unsupported Filter"),
        ("sort=nonsense", "Unsupported Sort"),
        ("include=userz", "Unsupported Include"),
        ("include=person.userz", "Unsupported Include"),
        ("page[after]=xyz", "Unsupported Filter Value"),
    ],
)
def test_unsupported_parameters(query: str, title: str) -> None:
    """What an endpoint does not support is 400 with the vendor's title."""
    answer = Desk().get("/time_entries", query)
    assert (answer.status, answer.document["errors"][0]["title"]) == (400, title)


def test_sorting() -> None:
    """By any supported key, downwards with `-`, by several; empty values come last."""
    desk = seeded(people=[{"first_name": name, "company_id": 101} for name in ("Zoe", "Abe")])
    names = [each["attributes"]["first_name"] for each in desk.get("/people", "sort=first_name").document["data"]]
    assert names == sorted(names)
    times = ids_of(seeded(40), "time_entries", [("sort", "-date,time")])
    expected = sorted(RECORDS_40.values(), key=lambda each: each.attributes["time"])
    expected.sort(key=lambda each: each.attributes["date"], reverse=True)
    assert times == [each.id for each in expected]


RECORDS_40 = seeded(40).sandbox.store.table("time_entries")


def test_a_bad_include_on_a_write_changes_nothing() -> None:
    """Query parameters are checked before anything is executed."""
    desk = Desk()
    answer = desk.call("POST", "/time_entries", {"data": entry()}, query="include=userz")
    assert (answer.status, desk.count("time_entries")) == (400, 0)


@many
@given(st.text(max_size=30), st.text(max_size=10))
def test_no_query_breaks_the_server(name: str, value: str) -> None:
    """Any parameter is answered, with 200 or 400."""
    query = urlencode({f"filter[{name}]": value, name: value})
    assert ENTRIES.get("/time_entries", query).status in {200, 400}
