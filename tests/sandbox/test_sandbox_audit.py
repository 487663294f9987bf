"""The audit: worst windows and duplicates are what brute force finds."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from sandbox_desk import Desk, entry, many

from headrace.sandbox.audit import Busiest
from headrace.sandbox.store import Twins


@many
@given(ticks=st.lists(st.integers(0, 200), min_size=1, max_size=80), per=st.sampled_from([1.0, 2.5, 10.0]))
def test_the_worst_window_is_what_brute_force_finds(ticks: list[int], per: float) -> None:
    """The most arrivals in any half-open window, over all windows that end at an arrival."""
    times = [tick / 4 for tick in sorted(ticks)]
    busiest = Busiest(per)
    for now in times:
        busiest.count(now)
    assert busiest.worst == max(
        sum(end - per < t <= end for t in times[: place + 1]) for place, end in enumerate(times)
    )


@many
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=60))
def test_twins_agree_with_counting(steps: list[tuple[bool, int]]) -> None:
    """Under any creations and deletions the surplus is the number of living records beyond the first of each kind."""
    twins, living, number = Twins(), {}, 0
    for is_new, digest in steps:
        alike = [n for n, d in living.items() if d == digest]
        if is_new:
            number += 1
            living[number] = digest
            twins.add(digest, number)
        elif alike:
            twins.remove(digest, alike[0])
            del living[alike[0]]
    counts = Counter(living.values())
    assert twins.surplus == sum(count - 1 for count in counts.values())
    assert {frozenset(group) for group in twins.groups()} == {
        frozenset(n for n, d in living.items() if d == digest) for digest, count in counts.items() if count > 1
    }


def test_duplicates_are_told_with_their_ids() -> None:
    """Records that were created alike are duplicates, in whatever spelling and however they were changed since."""
    desk = Desk()
    desk.bulk("POST", "/time_entries", [entry("a"), entry("b"), entry("a")])
    desk.create("time_entries", note="a", date="2024-08-28", time=120, person_id="201", service_id=901, task_id=1001)
    desk.call("PATCH", "/time_entries/3", {"data": {"type": "time_entries", "attributes": {"note": "changed"}}})
    audit = desk.audit()
    assert audit["duplicates"] == 2
    assert audit["duplicate_examples"] == {"time_entries": [["1", "3", "4"]]}
    desk.call("DELETE", "/time_entries/1")
    assert desk.audit()["duplicate_examples"] == {"time_entries": [["3", "4"]]}


def test_refused_and_seeded_records_are_no_duplicates() -> None:
    """What was never stored does not count, nor does reference data."""
    desk = Desk()
    desk.bulk("POST", "/time_entries", [entry("a"), entry("a"), entry(time=0)])
    assert desk.call("POST", "/__sandbox/seed", {"companies": [{"name": "x"}, {"name": "x"}]}).status == 201
    assert desk.audit()["duplicates"] == 0


def test_the_audit_counts_everything_but_control_calls() -> None:
    """Requests, statuses, methods, records; asking for the audit changes nothing."""
    desk = Desk()
    desk.bulk("POST", "/time_entries", [entry("a"), entry("b")])
    desk.get("/nonsense")
    desk.get("/people", X_Auth_Token="wrong")
    desk.call("DELETE", "/time_entries/1")
    assert desk.audit() == desk.audit()
    audit = desk.audit()
    assert (audit["requests"], audit["throttled"]) == (4, 0)
    assert audit["statuses"] == {"201": 1, "204": 1, "401": 1, "404": 1}
    assert audit["methods"] == {"POST": 1, "GET": 2, "DELETE": 1}
    assert (audit["created"], audit["deleted"]) == ({"time_entries": 2}, {"time_entries": 1})
    assert audit["records"]["time_entries"] == 1
    assert audit["worst"]["100/10s"] == 3


def test_seeding_by_count_and_by_row() -> None:
    """A count makes that many records, rows are taken as they are; ids come back; wrong wishes are 400."""
    desk = Desk()
    answer = desk.call("POST", "/__sandbox/seed", {"people": 3, "services": [{"id": 7, "name": "x", "deal_id": 801}]})
    assert answer.document == {"people": ["209", "210", "211"], "services": ["7"]}
    assert desk.get("/people", "filter[email]=person.2@northwind.example").ids == ["210"]
    assert desk.create("time_entries", date="2026-01-01", time=1, person_id=209, service_id=7).status == 201
    for wrong in (
        [],
        {"nonsense": 1},
        {"people": -1},
        {"people": "many"},
        {"people": [1]},
        {"people": [{"id": 201}]},
        b"{",
    ):
        assert desk.call("POST", "/__sandbox/seed", wrong).status == 400, wrong


def test_every_type_can_be_seeded_by_count() -> None:
    """Also types without a shape of their own; what is made is listed."""
    from headrace.sandbox.productive import KINDS

    desk = Desk()
    for kind in KINDS:
        assert len(desk.call("POST", "/__sandbox/seed", {kind.type: 2}).document[kind.type]) == 2
        assert desk.get(f"/{kind.type}").status == 200


def test_records_can_be_read_as_the_oracle() -> None:
    """`records` gives all records of a type, one a line, outside limits and audit."""
    desk = Desk()
    desk.bulk("POST", "/time_entries", [entry("a"), entry("b")])
    lines = desk.call("GET", "/__sandbox/records/time_entries").reply.body.splitlines()
    assert len(lines) == 2
    assert b'"note":"b"' in lines[1]
    assert desk.call("GET", "/__sandbox/nonsense").status == 404
