"""Missing records (`create_missing`): each name that leads to none becomes one record, once, and only when asked."""

import asyncio
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flow_simulation import killed
from flow_world import World, hours, read_csv, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from test_flow_adopt import adopt, lose
from test_flow_families import PROJECT, spec_of
from test_flow_migration import retried
from test_flow_plan import assert_true, audit, plan_and_run
from test_flow_verify import verified

from headrace.cli.app import main as command
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

COMPANIES, PEOPLE = "missing-companies-by-name", "missing-people-by-email"
ADA = "ada.lovelace@northwind.example"
FIXTURE = {"Northwind Studio", "Acme Corporation", "Globex", "Initech"}


def clients(folder: Path, rows: list[tuple[Any, ...]], name: str = "projects", **rule: Any) -> dict[str, Any]:
    """Return a load of projects: code, client, and further columns; missing clients are created."""
    columns = ("Code", "Client", "City", "VAT")[: len(rows[0])]
    write_csv(folder / f"{name}.csv", rows, columns)
    client = {"column": "Client", "lookup": "companies", "by": "name", "create_missing": True, **rule}
    fields = {**PROJECT, "name": "Code", "company_id": client}
    source = str(folder / f"{name}.csv")
    return {"resource": "projects", "name": name, "source": source, "key": ["Code"], "fields": fields}


def staff(folder: Path, rows: list[tuple[Any, ...]], **table: Any) -> dict[str, Any]:
    """Return a load of companies: name, mails of subscribers, and their employer; missing people are created."""
    write_csv(folder / "companies.csv", rows, ("Name", "Mails", "Employer"))
    made = {"company_id": "Employer", "role_id": {"value": 2}, "first_name": "Name", **table}
    mails = {"column": "Mails", "split": ";", "lookup": "people", "by": "email", "create_missing": made}
    fields = {"name": "Name", "subscriber_ids": mails}
    return {"resource": "companies", "source": str(folder / "companies.csv"), "key": ["Name"], "fields": fields}


def all_companies(world: World) -> list[Any]:
    return [*world.sandbox.store.table("companies").values()]


def companies(world: World) -> Counter[str]:
    """Return the names of the companies that are not of the fixture."""
    names = (one.attributes["name"] for one in all_companies(world))
    return Counter(name for name in names if name not in FIXTURE)


def owners(world: World) -> dict[str, str]:
    """Return the client of each project that was imported."""
    names = {one.id: one.attributes["name"] for one in all_companies(world)}
    table = world.sandbox.store.table("projects").values()
    return {one.attributes["name"]: names[one.links["company"]] for one in table if one.id > 503}


def people(world: World) -> dict[str, Any]:
    """Return the people that are not of the fixture, by mail."""
    return {one.attributes["email"]: one for one in world.sandbox.store.table("people").values() if one.id > 208}


def run(world: World, *loads: dict[str, Any], how: Settings | None = None, **more: Any) -> Any:
    world.spec = spec_of(*loads, **more)
    return world.run(how)


def by_load(report: Any) -> dict[str, tuple[int, int, int, int]]:
    """Return of each load how many rows are done, were there, are invalid, and rejected."""
    return {one.name: (one.done, one.skipped, one.invalid, one.rejected) for one in report.summary.loads}


def assert_verified(world: World, checked: int) -> None:
    found = verified(world)
    assert (found.checked, found.differing, found.missing, found.changed) == (checked, 0, 0, 0), found.differences


def test_what_is_missing_is_created_once(tmp_path: Path) -> None:
    """Spellings that differ in case and blanks lead to one record; what is there is used, as it is spelt there."""
    world = World(tmp_path)
    rows = [
        ("A", "New Client"),
        ("B", "acme  CORPORATION"),
        ("C", " new client"),
        ("D", "NEW   Client"),
        ("E", "Other"),
    ]
    told = plan_and_run(world, spec=spec_of(clients(tmp_path, rows)))
    assert_true(told)
    assert companies(world) == {"New Client": 1, "Other": 1}
    new = "New Client"
    assert owners(world) == {"A": new, "B": "Acme Corporation", "C": new, "D": new, "E": "Other"}
    assert by_load(told.report) == {COMPANIES: (2, 1, 0, 0), "projects": (5, 0, 0, 0)}
    assert told.plan.notices == (f"{COMPANIES}: 2 of 3 names are not there and will be created: New Client; Other",)
    assert told.report.notices == (f"{COMPANIES}: 1 of 3 names are there already, 2 were created",)
    first, second = told.plan.loads
    assert (first.rows, first.valid, first.there, first.requests, first.lookups) == (3, 3, 1, 2, 1)
    assert (second.rows, second.valid, second.there) == (5, 5, 0)
    assert_verified(world, 7)


def test_nothing_is_created_unasked(tmp_path: Path) -> None:
    """Without it, or with false, a name that leads to none is a fault; when it is asked for later the run goes on."""
    world = World(tmp_path)
    rows = [("A", "New Client"), ("B", "Globex")]
    report = run(world, clients(tmp_path, rows, create_missing=False))
    assert (by_load(report), companies(world)) == ({"projects": (1, 0, 1, 0)}, {})
    assert [one.name for one in report.names] == ["New Client"]
    report = run(world, clients(tmp_path, rows))
    assert by_load(report) == {"projects": (2, 0, 0, 0), COMPANIES: (1, 1, 0, 0)}
    assert owners(world) == {"A": "New Client", "B": "Globex"}
    requests = audit(world)["requests"]
    again = world.run()
    assert (by_load(again), again.reason) == (by_load(report), None)
    assert audit(world)["methods"]["POST"] == 3
    assert audit(world)["requests"] == requests + 2  # to begin with, and the names, of which none is judged


def test_the_further_fields_are_of_the_first_row(tmp_path: Path) -> None:
    """The table fills the other fields by rules of their own, from the first row with the name, from columns or not."""
    world = World(tmp_path)
    rows = [("A", "New", "Zagreb", "HR 1"), ("B", "new", "Split", "HR 2"), ("C", "Globex", "Rijeka", "")]
    table = {"billing_name": "City", "vat": {"column": "VAT", "as": "lower"}, "due_days": {"value": 14}}
    table["parent_company_id"] = {"value": "Initech", "lookup": "companies", "by": "name"}
    report = run(world, clients(tmp_path, rows, create_missing=table))
    assert by_load(report) == {COMPANIES: (1, 1, 0, 0), "projects": (3, 0, 0, 0)}
    (made,) = (one for one in all_companies(world) if one.attributes["name"] == "New")
    assert [made.attributes[name] for name in ("billing_name", "vat", "due_days")] == ["Zagreb", "hr 1", 14]
    assert made.links["parent_company"] == 104
    assert_verified(world, 4)


def test_each_name_of_a_list_is_looked_for(tmp_path: Path) -> None:
    """A cell with several names refers to several records, made or there; what is there needs no further fields."""
    world = World(tmp_path)
    rows = [
        ("One", f"x@new.example; {ADA.upper()};y@new.example", 102),
        ("Two", "Y@NEW.example", ""),
        ("Three", "", ""),
    ]
    told = plan_and_run(world, spec=spec_of(staff(tmp_path, rows)))
    assert_true(told)
    assert by_load(told.report) == {PEOPLE: (2, 1, 0, 0), "companies": (3, 0, 0, 0)}
    made = people(world)
    assert {mail: one.attributes["first_name"] for mail, one in made.items()} == dict.fromkeys(made, "One")
    ids = {one.attributes["name"]: one.links.get("subscribers") for one in all_companies(world)}
    assert sorted(ids["One"]) == sorted([201, made["x@new.example"].id, made["y@new.example"].id])
    assert [*ids["Two"]] == [made["y@new.example"].id]
    assert_verified(world, 5)


def test_loads_share_what_they_create(tmp_path: Path) -> None:
    """Two loads that miss the same name lead to one record, whatever their columns are called and where they stand."""
    world = World(tmp_path)
    first = clients(
        tmp_path, [("A", "Shared", "Zagreb"), ("B", "Mine", "Split")], create_missing={"billing_name": "City"}
    )
    write_csv(tmp_path / "b.csv", [("C", "SHARED", "Rome"), ("D", "Yours", "Oslo")], ("Code", "Kunde", "Ort"))
    client = {"column": "Kunde", "lookup": "companies", "by": "name", "create_missing": {"billing_name": "Ort"}}
    second = {
        **first,
        "name": "b",
        "source": str(tmp_path / "b.csv"),
        "fields": {**first["fields"], "company_id": client},
    }
    told = plan_and_run(world, spec=spec_of(first, second))
    assert_true(told)
    assert companies(world) == {"Shared": 1, "Mine": 1, "Yours": 1}
    assert owners(world) == {"A": "Shared", "B": "Mine", "C": "Shared", "D": "Yours"}
    towns = {one.attributes["name"]: one.attributes.get("billing_name") for one in all_companies(world)}
    assert [towns[name] for name in ("Shared", "Mine", "Yours")] == ["Zagreb", "Split", "Oslo"]
    success = read_csv(world.results / f"{COMPANIES}.success.csv")
    assert [one["first named in"] for one in success] == [
        f"{tmp_path}/projects.csv:2",
        f"{tmp_path}/projects.csv:3",
        f"{tmp_path}/b.csv:3",
    ]
    assert_verified(world, 7)


def test_a_name_of_several_records_is_not_created(tmp_path: Path) -> None:
    """It is told once, with the ids, where it stands first; the rows wait for it, in the plan as in the run."""
    world = World(tmp_path)
    for at in (7001, 7002):
        world.sandbox.store.place("companies", {"name": "Twice"}, {}, 0.0, at=at)
    rows = [("A", "New"), ("B", "twice"), ("C", "TWICE")]
    told = plan_and_run(world, spec=spec_of(clients(tmp_path, rows)))
    assert told.plan.names == told.report.names
    (name,) = told.report.names
    assert (name.name, name.ids, name.code) == ("twice", (7001, 7002), "ambiguous_reference")
    assert (name.file, name.line) == (str(tmp_path / "projects.csv"), 3)
    assert by_load(told.report) == {COMPANIES: (1, 0, 1, 0), "projects": (1, 0, 2, 0)}
    assert {one["code"] for one in read_csv(world.results / "projects.rejects.csv")} == {"parent_invalid"}
    assert told.plan.invalid == 3
    assert told.plan.requests == told.requests


def test_a_slip_shows_in_the_plan(tmp_path: Path) -> None:
    """A plan names what will be created, with names that are there and close; of many it names some."""
    world = World(tmp_path)
    rows = [("A", "Acme Corporaton"), *((f"B{at}", f"Nobody {at * 7919}") for at in range(30))]
    (notice,) = plan_and_run(world, spec=spec_of(clients(tmp_path, rows))).plan.notices
    assert notice.startswith(
        f"{COMPANIES}: 31 of 31 names are not there and will be created: Acme Corporaton (close to 'Acme"
    )
    assert notice.endswith("and 21 more")


def test_what_is_refused_is_repaired_in_its_own_file(tmp_path: Path) -> None:
    """A record that the provider refuses leaves its rows waiting; its repair and theirs are one `retry`."""
    world = World(tmp_path)
    rows = [("One", "x@new.example;bad@new.example", 999_999), ("Two", "bad@new.example", 102), ("Three", ADA, 102)]
    report = run(world, staff(tmp_path, rows))
    assert by_load(report) == {PEOPLE: (0, 1, 0, 2), "companies": (1, 0, 2, 0)}
    rejects = read_csv(world.results / "companies.rejects.csv")
    assert [one["code"] for one in rejects] == ["parent_rejected"] * 2
    refused = "its row of 'missing-people-by-email', line 1, was refused by the provider (company_id: "
    assert rejects[0]["error"].startswith(refused)
    file = world.results / f"{PEOPLE}.rejects.csv"
    file.write_text(file.read_text().replace("999999", "102"))
    report = retried(world)
    assert by_load(report) == {PEOPLE: (2, 1, 0, 0), "companies": (3, 0, 0, 0)}
    assert report.exit_code == 0
    assert set(people(world)) == {"x@new.example", "bad@new.example"}
    again = world.run()
    assert (by_load(again), again.exit_code) == (by_load(report), 0)


def test_what_is_refused_may_be_there_when_it_is_tried_again(tmp_path: Path) -> None:
    """Somebody has created the person by hand: `retry` uses that record, and creates none."""
    world = World(tmp_path)
    run(world, staff(tmp_path, [("One", "x@new.example", 999_999)]))
    world.sandbox.store.place("people", {"email": "X@new.example"}, {"company": 102}, 0.0, at=9_000)
    report = retried(world)
    assert by_load(report) == {PEOPLE: (0, 1, 0, 0), "companies": (1, 0, 0, 0)}
    assert set(people(world)) == {"X@new.example"}


def test_an_update_may_refer_to_what_is_created(tmp_path: Path) -> None:
    """Not only creates: projects that are there get a client that was not."""
    world = World(tmp_path)
    write_csv(tmp_path / "moves.csv", [(501, "Fresh"), (502, "fresh")], ("id", "Client"))
    client = {"column": "Client", "lookup": "companies", "by": "name", "create_missing": True}
    load = {
        "resource": "projects",
        "operation": "update",
        "source": str(tmp_path / "moves.csv"),
        "fields": {"company_id": client},
    }
    told = plan_and_run(world, spec=spec_of(load))
    assert_true(told)
    assert companies(world) == {"Fresh": 1}


def test_a_later_import_finds_them(tmp_path: Path) -> None:
    """Names that an earlier import created are there for the next one, and keep their ids for `ids`."""
    world = World(tmp_path)
    run(world, clients(tmp_path, [("A", "New")]))
    first = world.checkpoint
    world.checkpoint, world.results = tmp_path / "second.headrace", tmp_path / "second.results"
    more = clients(tmp_path, [("B", "NEW"), ("C", "Newer")], "more")
    report = run(world, more, name="second", ids=[str(first)])
    assert by_load(report) == {COMPANIES: (1, 1, 0, 0), "more": (2, 0, 0, 0)}
    assert companies(world) == {"New": 1, "Newer": 1}


@pytest.mark.parametrize("canary", [False, True])
def test_a_source_that_changes(canary: bool, tmp_path: Path) -> None:
    """Sorted, longer, spelt otherwise, with all other names: what is settled stays, and only new names are created."""
    world = World(tmp_path)
    how = Settings(canary=canary)
    run(world, clients(tmp_path, [("A", "One"), ("B", "Two"), ("C", "Globex")]), how=how)
    told = plan_and_run(
        world, how, spec_of(clients(tmp_path, [("D", "Three"), ("B", "TWO"), ("C", "globex"), ("A", "one")]))
    )
    assert told.plan.requests == told.requests
    assert companies(world) == {"One": 1, "Two": 1, "Three": 1}
    assert owners(world)["D"] == "Three"
    report = run(world, clients(tmp_path, [("D", "Four"), ("E", "Five")]), how=how)
    assert report.reason is None
    assert companies(world) == {"One": 1, "Two": 1, "Three": 1, "Four": 1, "Five": 1}


NAMES = [*FIXTURE, *(f"Client {at}" for at in range(6))]


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from([str.upper, str.lower, str.title])), min_size=1, max_size=40
    ),
    second=st.lists(st.sampled_from(NAMES), max_size=10),
    limit=st.one_of(st.none(), st.integers(1, 45)),
    canary=st.booleans(),
)
def test_the_plan_holds_for_any_names(
    rows: list[Any], second: list[str], limit: int | None, canary: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Names present or not, spelt anyhow, in one load or two, all rows or the first ones: plan, run and audit agree."""
    world = World(tmp_path_factory.mktemp("names"))
    loads = [clients(world.folder, [(f"A{at}", spelt(name)) for at, (name, spelt) in enumerate(rows)])]
    if second:
        loads.append(clients(world.folder, [(f"B{at}", name) for at, name in enumerate(second)], "second"))
    told = plan_and_run(world, Settings(limit=limit, canary=canary), spec_of(*loads))
    assert_true(told)
    taken = [*(name for name, _ in rows[:limit]), *second[:limit]]
    assert {name.casefold() for name in companies(world)} == {name.casefold() for name in {*taken} - FIXTURE}
    assert set(companies(world).values()) <= {1}
    assert audit(world)["duplicates"] == 0
    assert told.report.summary.done == len(rows[:limit]) + len(second[:limit]) + len({*taken} - FIXTURE)
    assert told.report.summary.skipped == len({*taken} & FIXTURE)
    told = plan_and_run(world, spec=spec_of(*loads))
    assert told.plan.requests == told.requests
    rest = told.report
    assert rest.summary.done == len(rows) + len(second) + len({*(name for name, _ in rows), *second} - FIXTURE)
    assert set(companies(world).values()) <= {1}
    found = verified(world)
    assert (found.differing, found.missing, found.checked + found.changed) == (0, 0, rest.summary.done)
    assert not found.changed or (limit is not None and second)  # spelt as in the second load, before the first had it


def test_a_name_may_be_corrected_in_the_file_of_its_rows(tmp_path: Path) -> None:
    """In a reject file a name may be changed to one that is there, or that the import made; no other is created."""
    world = World(tmp_path)
    for at in (7001, 7002):
        world.sandbox.store.place("companies", {"name": "Twice"}, {}, 0.0, at=at)
    run(world, clients(tmp_path, [("A", "New"), ("B", "Twice"), ("C", "twice"), ("D", "TWICE")]))
    file = world.results / "projects.rejects.csv"
    text = file.read_text().replace("B,Twice", "B,globex").replace("C,twice", "C,NEW").replace("D,TWICE", "D,Nobody")
    file.write_text(text)
    report = retried(world)
    assert owners(world) == {"A": "New", "B": "Globex", "C": "New"}
    assert companies(world) == {"New": 1, "Twice": 2}
    (left,) = read_csv(file)
    assert (left["Client"], left["code"]) == ("Nobody", "unknown_reference")
    assert left["error"] == "there is no such name among the companies, nor was it in the source"
    assert [one.name for one in report.names] == ["Twice", "Nobody"]


def entries(folder: Path, who: list[str]) -> dict[str, Any]:
    """Return a load of time entries that carry marks, of people who are created where they are missing."""
    rows = [(*row[:2], mail, *row[3:]) for row, mail in zip(hours(len(who)), who, strict=True)]
    write_csv(folder / "hours.csv", rows)
    made = {"company_id": {"value": 102}, "role_id": {"value": 2}}
    person = {"column": "person_id", "lookup": "people", "by": "email", "create_missing": made}
    fields = {"person_id": person}
    return {"resource": "time_entries", "source": str(folder / "hours.csv"), "marker": "note", "fields": fields}


def test_a_lost_checkpoint_is_made_anew(tmp_path: Path) -> None:
    """Names that are there now are known by themselves; those that are not are left to the next run."""
    world = World(tmp_path)
    report = run(world, entries(tmp_path, [ADA, "x@new.example", "X@new.example"]))
    assert by_load(report) == {PEOPLE: (1, 1, 0, 0), "time_entries": (3, 0, 0, 0)}
    lose(world)
    world.spec = spec_of(entries(tmp_path, [ADA, "x@new.example", "X@new.example", "y@new.example"]))
    report = adopt(world)
    assert by_load(report) == {PEOPLE: (0, 2, 0, 0), "time_entries": (3, 0, 1, 0)}
    assert report.summary.in_doubt == 0
    report = world.run()
    assert by_load(report) == {PEOPLE: (1, 2, 0, 0), "time_entries": (4, 0, 0, 0)}
    assert set(people(world)) == {"x@new.example", "y@new.example"}


class Firms(World):
    """A world in which it is companies that are stored."""

    @property
    def stored(self) -> list[str]:
        return [one.attributes["name"] for one in all_companies(self)]


def test_a_name_in_doubt_is_decided_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Killed before the answer, a name is in doubt until `resolve`; what is called missing is looked for again."""
    world = Firms(tmp_path, latency=(2_000, 3_000))
    world.spec = spec_of(clients(tmp_path, [("A", "New"), ("B", "Newer"), ("C", "Globex")]))
    killed(world, 1)
    assert command(["resolve", str(world.checkpoint), "--json"]) == 4
    left = json.loads(capsys.readouterr().out)["left"]
    assert {one["load"] for one in left} == {COMPANIES}
    assert command(["resolve", str(world.checkpoint), "--json", "--all", "missing"]) == 0
    report = world.run()
    assert report.summary.in_doubt == 0
    assert owners(world) == {"A": "New", "B": "Newer", "C": "Globex"}
    assert set(companies(world).values()) == {1}
    assert by_load(report)[COMPANIES][1] > 1


def test_what_is_created_may_look_up_what_is_created(tmp_path: Path) -> None:
    """A missing person whose company is missing too comes after it, in whatever order the fields stand."""
    world = World(tmp_path)
    rows = [("A", "New", "x@new.example"), ("B", "Globex", "y@new.example"), ("C", "NEW", ADA)]
    write_csv(tmp_path / "projects.csv", rows, ("Code", "Client", "Lead"))
    firm = {"column": "Client", "lookup": "companies", "by": "name"}
    made = {"company_id": firm, "role_id": {"value": 2}}
    lead = {"column": "Lead", "lookup": "people", "by": "email", "create_missing": made}
    fields = {**PROJECT, "name": "Code", "project_manager_id": lead, "company_id": {**firm, "create_missing": True}}
    load = {"resource": "projects", "source": str(tmp_path / "projects.csv"), "key": ["Code"], "fields": fields}
    told = plan_and_run(world, spec=spec_of(load))
    assert_true(told)
    assert [one.name for one in told.plan.loads] == [COMPANIES, PEOPLE, "projects"]
    firms = {one.id: one.attributes["name"] for one in all_companies(world)}
    assert {mail: firms[one.links["company"]] for mail, one in people(world).items()} == {
        "x@new.example": "New",
        "y@new.example": "Globex",
    }
    assert_verified(world, 6)


def test_what_others_create_meanwhile_serves(tmp_path: Path) -> None:
    """The request for a name was lost, and somebody has created it by hand since: that record is it, however spelt."""
    lost = Rule(kind=FaultKind.DROP_BEFORE_COMMIT, path="/companies", method=("POST",), times=1)
    world = World(tmp_path, faults=(lost,))
    world.spec = spec_of(clients(tmp_path, [("A", "New"), ("B", "new")]))

    async def main() -> Any:
        world.wait()
        async with simulated_client(world.sandbox) as client:
            running = asyncio.create_task(client.run(world.spec, checkpoint=world.checkpoint, results=world.results))
            await asyncio.sleep(30)
            world.sandbox.store.place("companies", {"name": "NEW"}, {}, 0.0, at=9_000)  # it says to be an old one
            return await running

    report = virtual_time.run(main)
    assert (by_load(report)[COMPANIES], report.exit_code) == ((1, 0, 0, 0), 0)
    assert companies(world) == {"NEW": 1}
    assert owners(world) == {"A": "NEW", "B": "NEW"}


def test_names_from_any_source(tmp_path: Path) -> None:
    """From compressed JSON Lines whose rows bring new keys late, with a constant and a conversion, all the same."""
    world = World(tmp_path)
    rows = [{"Code": "A"}, {"Code": "B", "Firm": "new co"}, {"Code": "C", "Firm": "New  Co", "Town": "Rome"}]
    with gzip.open(tmp_path / "projects.jsonl.gz", "wt") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)
    firm = {"column": "Firm", "as": "upper", "lookup": "companies", "by": "name"}
    made = {"billing_name": "Town", "tag_list": {"value": ["imported"]}}
    fields = {**PROJECT, "name": "Code", "company_id": {**firm, "create_missing": made}}
    lead = {"value": "boss@new.example", "lookup": "people", "by": "email"}
    lead["create_missing"] = {"company_id": {"value": 102}, "role_id": {"value": 2}}
    load = {"resource": "projects", "source": str(tmp_path / "projects.jsonl.gz"), "fields": fields}
    told = plan_and_run(world, spec=spec_of({**load, "fields": {**fields, "project_manager_id": lead}}))
    assert told.plan.requests == told.requests
    assert by_load(told.report) == {COMPANIES: (1, 0, 0, 0), PEOPLE: (1, 0, 0, 0), "projects": (2, 0, 1, 0)}
    (made_one,) = (one for one in all_companies(world) if one.attributes["name"] not in FIXTURE)
    assert (made_one.attributes["name"], made_one.attributes.get("billing_name")) == ("NEW CO", None)
    assert set(people(world)) == {"boss@new.example"}


def test_a_custom_field_may_refer_to_what_is_created(tmp_path: Path) -> None:
    """A person in a custom field is looked up by e-mail, and created like any other."""
    world = World(tmp_path)
    definition = {"name": "Owner", "customizable_type": "companies", "data_type_id": 6}
    world.sandbox.store.place("custom_fields", definition, {}, 0.0, at=77)
    write_csv(tmp_path / "firms.csv", [("One", "x@new.example"), ("Two", "X@NEW.example")], ("Name", "Owner"))
    made = {"company_id": {"value": 102}, "role_id": {"value": 2}}
    owner = {"column": "Owner", "lookup": "people", "by": "email", "create_missing": made}
    fields = {"name": "Name", "custom_fields.Owner": owner}
    load = {"resource": "companies", "source": str(tmp_path / "firms.csv"), "key": ["Name"], "fields": fields}
    told = plan_and_run(world, spec=spec_of(load))
    assert_true(told)
    (person,) = people(world).values()
    held = {one.attributes["name"]: one.attributes.get("custom_fields") for one in all_companies(world)}
    assert {str(held[name]["77"]) for name in ("One", "Two")} == {str(person.id)}


def test_files_may_be_attached_to_what_is_created(tmp_path: Path) -> None:
    """The names of a load of files are read without looking for the files."""
    world = World(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("a")
    write_csv(tmp_path / "files.csv", [("a.txt", "Fresh"), ("a.txt", "fresh")], ("file", "Task"))
    made = {"project_id": {"value": 501}, "task_list_id": {"value": 701}}
    task = {"column": "Task", "lookup": "tasks", "by": "title", "create_missing": made}
    load = {"resource": "attachments", "source": str(tmp_path / "files.csv"), "fields": {"task_id": task}}
    report = run(world, load, how=Settings(attachments_dir=tmp_path / "files"))
    assert by_load(report) == {"missing-tasks-by-title": (1, 0, 0, 0), "attachments": (2, 0, 0, 0)}
    titles = [one.attributes["title"] for one in world.sandbox.store.table("tasks").values()]
    assert titles.count("Fresh") == 1
