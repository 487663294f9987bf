"""The fixture: what a fresh sandbox holds. Ids are stable and told apart by type, so that a mix-up is refused.

companies     101 Northwind Studio (the own, internal) · 102 Acme Corporation · 103 Globex · 104 Initech
people        201 Ada Lovelace … 206 (FIRST.LAST@northwind.example), 207 and 208 contacts at Acme and Globex
organizations the one of the credentials · roles 1 Admin … 6 Client · tax_rates 41 VAT 20, 42 VAT 0
subsidiaries  11 · pipelines 21 · events 31 Vacation, 32 Sick leave · teams 35 Design, 36 Engineering
workflows     728 Default (statuses 2001 Not started, 2002 Started, 2003 Closed), 729 Kanban (2011 … 2014)
service_types 301 Design, 302 Development, 303 Project management, 304 Consulting
deal_statuses 401 Open, 402 Won, 403 Lost
projects      501 Acme website (102), 502 Globex app (103), 503 Internal (101)
folders       601 … 603, task_lists 701 … 703, tasks 1001 … 1003: one of each per project, in this order
deals         801 Acme website budget, 802 Globex app budget, 803 Internal budget: one per project; sections 851 …
invoices 71, expenses 81: one at Acme, for the service 901
services      901 Design, 902 Development (deal 801), 903 Design, 904 Development (802), 905 Meetings (803)
custom_fields 51 … 59 "Import key", text, for tasks, projects, companies, deals, employees, bookings, services,
              project_expenses, pages; 60 "Region" (select) for companies, options 1 EMEA, 2 AMER
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from headrace.sandbox.jsonapi.kind import Kind
from headrace.sandbox.store import Link, Store

_PEOPLE: Final = "Ada Lovelace, Grace Hopper, Alan Turing, Katherine Johnson, Edsger Dijkstra, Barbara Liskov"
_CUSTOMIZABLE: Final = "tasks projects companies deals employees bookings services project_expenses pages"
_STATUSES: Final = ((2001, "Not started", 1), (2002, "Started", 2), (2003, "Closed", 3))
_KANBAN: Final = ((2011, "Backlog", 1), (2012, "Doing", 2), (2013, "Review", 2), (2014, "Done", 3))


def _named(names: str, first: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": first + place, "name": name, **more} for place, name in enumerate(names.split(", "))]


def _people() -> Iterable[dict[str, Any]]:
    for place, name in enumerate(_PEOPLE.split(", ")):
        yield _person(201 + place, name, "northwind.example", 101)
    yield _person(207, "Wile Coyote", "acme.example", 102)
    yield _person(208, "Hank Scorpio", "globex.example", 103)


def _person(number: int, name: str, domain: str, company: int) -> dict[str, Any]:
    first, last = name.split()
    email = f"{first}.{last}@{domain}".lower()
    own = {"first_name": first, "last_name": last, "email": email, "role_id": 1, "company_id": company}
    return {"id": number, "subsidiary_id": 11, **own}


def _statuses() -> Iterable[dict[str, Any]]:
    for workflow, statuses in ((728, _STATUSES), (729, _KANBAN)):
        for position, (number, name, category) in enumerate(statuses, 1):
            own = {"id": number, "name": name, "category_id": category, "position": position}
            yield own | {"workflow_id": workflow}


def _projects() -> Iterable[dict[str, Any]]:
    for place, (name, company) in enumerate((("Acme website", 102), ("Globex app", 103), ("Internal", 101))):
        number = str(place + 1)
        own = {"id": 501 + place, "name": name, "number": number, "project_number": number}
        kind = {"project_type_id": 1 if company == 101 else 2, "company_id": company}
        yield own | kind | {"project_manager_id": 201, "workflow_id": 728}


def _deals() -> Iterable[dict[str, Any]]:
    for place, (name, company) in enumerate((("Acme website", 102), ("Globex app", 103), ("Internal", 101))):
        number = str(place + 1)
        own = {"id": 801 + place, "name": f"{name} budget", "number": number, "deal_number": number, "budget": True}
        kind = {"deal_type_id": 1 if company == 101 else 2, "date": "2026-01-01", "currency": "EUR"}
        links = {"company_id": company, "responsible_id": 201, "subsidiary_id": 11, "deal_status_id": 402}
        yield own | kind | links | {"project_id": 501 + place}


def _services() -> Iterable[dict[str, Any]]:
    named = (("Design", 801), ("Development", 801), ("Design", 802), ("Development", 802), ("Meetings", 803))
    kinds = {"Design": 301, "Development": 302, "Meetings": 303}
    for place, (name, deal) in enumerate(named):
        links = {"deal_id": deal, "section_id": deal + 50, "service_type_id": kinds[name]}
        limit = {"limitation_type": "no_limitation"}
        yield {"id": 901 + place, "name": name, "billing_type_id": 2, "unit_id": 1, "price": 10000} | links | limit


def _custom_fields() -> Iterable[dict[str, Any]]:
    for place, kind in enumerate(_CUSTOMIZABLE.split()):
        yield {"id": 51 + place, "name": "Import key", "data_type_id": 1, "customizable_type": kind}
    yield {"id": 60, "name": "Region", "data_type_id": 3, "customizable_type": "companies"}


def _per_project(kind: str, first: int, **links: int) -> list[dict[str, Any]]:
    """Return one record a project; `links` are flat ids that count on from one project to the next."""
    return [
        {"id": first + place, kind: name, **{link: number + place for link, number in links.items()}}
        for place, name in enumerate(("Planning", "Delivery", "Operations"))
    ]


def rows(organization: int) -> Mapping[str, Iterable[dict[str, Any]]]:
    """Return the fixture by type, each record with its id and its relationships as flat ids."""
    return {
        "organizations": [{"id": organization, "name": "Northwind"}],
        "roles": _named("Admin, Manager, Coordinator, Staff, Contractor, Client", 1),
        "tax_rates": _named("VAT 20, VAT 0", 41),
        "subsidiaries": _named("Northwind Studio Ltd", 11, default_currency="EUR"),
        "pipelines": _named("Sales", 21),
        "events": _named("Vacation, Sick leave", 31),
        "teams": _named("Design, Engineering", 35),
        "companies": [
            {"id": 101, "name": "Northwind Studio", "company_code": "NWS", "internal": True},
            {"id": 102, "name": "Acme Corporation", "company_code": "ACME"},
            {"id": 103, "name": "Globex", "company_code": "GLX"},
            {"id": 104, "name": "Initech", "company_code": "INI"},
        ],
        "people": _people(),
        "workflows": _named("Default, Kanban", 728),
        "workflow_statuses": _statuses(),
        "service_types": _named("Design, Development, Project management, Consulting", 301),
        "deal_statuses": [
            {"id": 401 + place, "name": name, "status_id": place + 1, "pipeline_id": 21, "position": place + 1}
            for place, name in enumerate(("Open", "Won", "Lost"))
        ],
        "projects": _projects(),
        "folders": _per_project("name", 601, project_id=501),
        "task_lists": _per_project("name", 701, project_id=501, folder_id=601),
        "tasks": [
            task | {"workflow_status_id": 2001, "creator_id": 201, "type_id": 1, "number": "1", "task_number": "1"}
            for task in _per_project("title", 1001, project_id=501, task_list_id=701)
        ],
        "deals": _deals(),
        "sections": _per_project("name", 851, deal_id=801),
        "services": _services(),
        "invoices": [
            {"id": 71, "company_id": 102, "currency": "EUR", "invoiced_on": "2026-01-31", "subject": "January"}
        ],
        "expenses": [{"id": 81, "name": "Train", "date": "2026-01-15", "currency": "EUR", "service_id": 901}],
        "custom_fields": _custom_fields(),
        "custom_field_options": _named("EMEA, AMER", 1, custom_field_id=60),
    }


def furnish(store: Store, kinds: Mapping[str, Kind], organization: str, now: float) -> None:
    """Put the fixture into a fresh store."""
    for name, records in rows(int(organization)).items():
        for record in records:
            plant(store, kinds[name], record, now)
    for sequence, used in (("projects", 3), ("deals", 3), ("tasks", 3)):
        for _ in range(used):
            store.following(sequence)


def plant(store: Store, kind: Kind, row: Mapping[str, Any], now: float) -> int:
    """Put one record of reference data in, unchecked, and return its id. Raises ValueError if the id is taken."""
    links = {kind.flat[name]: _link(value) for name, value in row.items() if name in kind.flat and value is not None}
    attributes = {name: value for name, value in row.items() if name not in kind.flat and name != "id"}
    return store.place(kind.type, attributes, links, now, at=int(row.get("id") or 0)).id


def _link(value: Any) -> Link:
    return tuple(int(each) for each in value) if isinstance(value, list) else int(value)
