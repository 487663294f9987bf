"""Markers: a load that asks for one adds it to what it sends, and knows its rows again by it, whoever else writes."""

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flow_simulation import killed
from flow_world import World, hours, read_csv, write_csv
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.errors import SourceError, UsageError
from headrace.identity import marker
from headrace.marking import _into_text
from headrace.pipeline import Settings
from headrace.providers.productive.resources.time_entries import TimeEntry
from headrace.sandbox.faults import FaultKind, Rule

LOST = Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("POST",), at=(2, 4))
NEVER = Rule(kind=FaultKind.DROP_BEFORE_COMMIT, method=("POST",), at=(3,))


def world_of(folder: Path, resource: str, rows: list[tuple[Any, ...]], columns: tuple[str, ...], **load: Any) -> World:
    world = World(folder, latency=(50, 400), faults=(LOST, NEVER))
    write_csv(folder / "hours.csv", rows, columns)
    (one,) = world.spec.load
    world.spec = replace(world.spec, load=(replace(one, resource=resource, **load),))
    return world


def test_off_adds_nothing(tmp_path: Path) -> None:
    """Without being asked, nothing is added to anybody's data."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(20))
    world.run()
    assert Counter(world.stored) == Counter(f"row {at}" for at in range(20))


def test_a_note_marker_tells_our_rows_from_others(tmp_path: Path) -> None:
    """While rows are unknown somebody else makes the very same ones: they are not taken for ours."""
    columns = ("date", "time", "person_id", "service_id", "note")
    world = world_of(tmp_path, "time_entries", hours(50), columns, marker="note")
    handle, twins = world.sandbox.handle, []

    def somebody_else(method: str, path: str, query: str = "", **more: Any) -> Any:
        if method == "POST" and not twins:
            twins.extend(
                world.sandbox.store.place(
                    "time_entries",
                    {"date": row[0], "time": row[1], "note": row[4]},
                    {"person": row[2], "service": row[3]},
                    more["now"],
                )
                for row in hours(50)
            )
        return handle(method, path, query, **more)

    world.sandbox.handle = somebody_else  # type: ignore[method-assign]  # another user of the same account
    report = world.run(Settings(batch_size=10))
    assert (report.summary.done, report.exit_code) == (50, 0)
    ours = [note for note in world.stored if "hr-" in note]
    assert Counter(note.split("\n")[0] for note in ours) == Counter(f"row {at}" for at in range(50))
    assert len({note.split("hr-")[1] for note in ours}) == 50
    ids = {row["remote_id"] for row in read_csv(world.results / "time_entries.success.csv")}
    assert not ids & {str(one.id) for one in twins}


@pytest.mark.parametrize("size", [1, 10])
def test_a_custom_field_marker_settles_in_few_requests(size: int, tmp_path: Path) -> None:
    """The field is found by its name and type, carries the marker, and many rows are asked for in one request."""
    rows = [(f"Task {at}", 501, 701) for at in range(50)]
    columns = ("title", "project_id", "task_list_id")
    world = world_of(tmp_path, "tasks", rows, columns, marker="Import key")
    killed(world, 0, Settings(batch_size=size, bulk=size > 1))
    report = world.run(Settings(batch_size=size, bulk=size > 1))
    assert (report.summary.done, report.exit_code) == (50, 0)
    made = [one for one in world.sandbox.store.table("tasks").values() if one.attributes["title"].startswith("Task ")]
    assert Counter(one.attributes["title"] for one in made) == Counter(row[0] for row in rows)
    assert all(one.attributes["custom_fields"]["51"].startswith("hr-") for one in made)


def test_a_marker_field_is_created_only_when_asked(tmp_path: Path) -> None:
    """A field that is not there is an error with the remedy, or, with `create_marker`, is there from then on."""
    rows, columns = [(f"Firm {at}",) for at in range(5)], ("name",)
    world = world_of(tmp_path, "companies", rows, columns, marker="headrace key")
    report = world.run()
    assert isinstance(report.reason, UsageError)
    assert "create_marker" in (report.reason.hint or "")
    assert not [one for one in world.sandbox.store.table("companies").values() if "Firm" in one.attributes["name"]]
    (one,) = world.spec.load
    world.spec = replace(world.spec, load=(replace(one, create_marker=True),))
    assert world.run().summary.done == 5
    fields = [one.attributes["name"] for one in world.sandbox.store.table("custom_fields").values()]
    assert fields.count("headrace key") == 1


def test_a_marker_that_cannot_be_carried_is_refused(tmp_path: Path) -> None:
    """Time entries have no custom fields: the import file says so before anything is sent."""
    world = world_of(
        tmp_path, "time_entries", hours(1), ("date", "time", "person_id", "service_id", "note"), marker="x"
    )
    with pytest.raises(SourceError, match="no custom field"):
        world.run()


class Balance(HTMLParser):
    """Keeps the elements that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(
    st.sampled_from(["", "plain", "<p>one</p>", "<div><b>two</b></div> ", "a < b", "<ul><li>x</li></ul>"]),
    st.binary(max_size=16),
)
def test_a_marked_note_is_still_valid_html(note: str, operation: bytes) -> None:
    """Elements that were closed stay closed, the text stays, and the marker is in it once."""
    value = TimeEntry(date="2026-01-01", time=1, person_id=1, service_id=1, note=note)  # type: ignore[arg-type]  # any will do
    text = marker(operation.ljust(16, b"."))
    marked: Any = _into_text("note")(value, text)
    assert marked.note.startswith(note)
    assert marked.note.count(text) == 1
    if "a <" not in note:
        balance = Balance()
        balance.feed(marked.note)
        balance.close()
        assert not balance.open
