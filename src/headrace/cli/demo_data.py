"""The demo's data: a small agency that leaves its old tool, the same at every call, with a few mistakes on purpose.

About 280 requests: one for each company, person, project, folder, task list and budget, which the API takes singly,
and one for every hundred tasks, services and hours.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from importlib.resources import files
from itertools import product
from random import Random
from typing import Final, TypeAlias

Cells: TypeAlias = tuple[object, ...]
Table: TypeAlias = list[Cells]
"""A header and the rows below it."""

HOURS: Final = 5_400
ON_SITE: Final = 300
"""Hours that were booked on services which the provider already has, by their ids."""

BAD_HOURS: Final[Mapping[int, tuple[str, str]]] = {
    # row: (column, what stands there)
    410: ("Day", "31.02.2026"),
    1_287: ("Hours", "half a day"),
    1_288: ("Hours", "25:00"),
    2_903: ("Who", "marta.oliveria@oldtool.example"),
    3_377: ("Task no", "T-9999"),
    3_950: ("Service no", ""),
    4_801: ("Day", "2026-13-04"),
}
"""Rows that headrace refuses before sending anything of them."""

BAD_ON_SITE: Final[Mapping[int, tuple[str, str]]] = {
    120: ("Service id", "990"),
    171: ("Service id", "991"),
}
"""Rows that look right here and that the provider refuses: it has no such services."""

COMPANIES: Final = {
    "LUM": ("Lumen Optics GmbH", "EUR"),
    "HAV": ("Havgard Shipping AS", "NOK"),
    "BEL": ("Belmonte Wines", "EUR"),
    "KRO": ("Kronborg Energi", "DKK"),
    "PET": ("Petrichor Gardens Ltd", "GBP"),
    "SAT": ("Satori Robotics", "EUR"),
    "TEL": ("Tellus Maps Oy", "EUR"),
    "URB": ("Urbania Housing", "SEK"),
    "VIN": ("Vinci Printworks", "EUR"),
    "WES": ("Westmark Insurance", "GBP"),
    "YAR": ("Yarrow Clinics", "EUR"),
    "ZEP": ("Zephyr Airlines", "USD"),
}
_FIRST: Final = (
    "Mara",
    "Jonas",
    "Eva",
    "Tomasz",
    "Ines",
    "Bruno",
    "Chiara",
    "Dag",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Ida",
)
_LAST: Final = ("Lindqvist", "Oliveira")
_TITLES: Final = ("Designer", "Developer", "Project manager", "Senior developer", "Consultant")
_PRODUCTS: Final = ("Web shop", "Customer portal", "Booking app", "Brand site", "Data warehouse")
_PHASES: Final = ("Discovery", "Delivery")
_VERBS: Final = ("Draft", "Build", "Review", "Test", "Document", "Simplify", "Repair", "Measure")
_THINGS: Final = (
    "login page", "price list", "search", "newsletter", "invoice export", "map view", "calendar", "user roles",
    "start page", "image upload", "payment", "audit trail",
)  # fmt: skip
_NOTES: Final = (
    "Call with the client; agreed on the next steps",
    "Fixed paging of long lists, wrote tests",
    "Sketches, two rounds",
    'Moved the "old" texts over',
    "Deployed; watched the logs",
    "Überarbeitung nach dem Review",
    "",
)
_KINDS: Final = {"Design": "95.00", "Development": "110.00"}
_START: Final = date(2026, 1, 5)
_PROJECTS: Final = 30
_TASKS: Final = 400


def tables() -> dict[str, Table]:
    """Return the files of the demo by name, each with its header first."""
    chance = Random(1_852)  # noqa: S311 - sample data, the same at every call
    projects = _projects()
    folders = _folders(projects)
    lists = _task_lists(folders)
    tasks = _tasks(lists, chance)
    services = _services(projects)
    return {
        "companies.csv": [("Code", "Company", "Currency"), *((code, *rest) for code, rest in COMPANIES.items())],
        "people.csv": [("E-mail", "First name", "Last name", "Title"), *_people()],
        "projects.csv": [("Code", "Project", "Client code", "Manager"), *projects],
        "folders.csv": [("Folder no", "Folder", "Project code"), *folders],
        "task_lists.csv": [("List no", "List", "Folder no", "Project code"), *lists],
        "tasks.csv": [("Task no", "Task", "Project code", "List no", "Assignee", "Due", "Estimate"), *tasks],
        "budgets.csv": [("Budget no", "Budget", "Client code", "Project code", "Owner", "From"), *_budgets(projects)],
        "services.csv": [("Service no", "Service", "Budget no", "Type", "Hourly rate"), *services],
        "hours.csv": _spoilt(_hours(tasks, services, chance), BAD_HOURS),
        "on-site.csv": _spoilt(_on_site(), BAD_ON_SITE),
    }


def _people() -> Table:
    names = [(first, last) for last in _LAST for first in _FIRST][:25]
    return [(_mail(*name), *name, _TITLES[place % len(_TITLES)]) for place, name in enumerate(names)]


def _mail(first: str, last: str) -> str:
    return f"{first}.{last}@oldtool.example".lower()


def _someone(place: int) -> str:
    return str(_people()[place % 25][0])


def _projects() -> Table:
    named = list(product(_PRODUCTS, COMPANIES))[:_PROJECTS]
    return [
        (f"P-{101 + place}", f"{COMPANIES[code][0].split()[0]} {thing.lower()}", code, _someone(place * 7))
        for place, (thing, code) in enumerate(named)
    ]


def _folders(projects: Table) -> Table:
    return [(f"{code}-F", "Delivery", code) for code, *_ in projects]


def _task_lists(folders: Table) -> Table:
    return [(f"{code}-{phase[:3].upper()}", phase, folder, code) for folder, _, code in folders for phase in _PHASES]


def _tasks(lists: Table, chance: Random) -> Table:
    titles = [f"{verb} the {thing}" for verb, thing in product(_VERBS, _THINGS)]
    return [
        (
            f"T-{1001 + place}",
            titles[place % len(titles)],
            lists[place % len(lists)][3],
            lists[place % len(lists)][0],
            _someone(place * 3),
            f"{_START + timedelta(days=chance.randrange(10, 180)):%d.%m.%Y}",
            f"{chance.randrange(1, 40)}:{chance.choice(('00', '30'))}",
        )
        for place in range(_TASKS)
    ]


def _budgets(projects: Table) -> Table:
    return [
        (f"B-{code}", f"{name} 2026", client, code, manager, f"{_START:%d.%m.%Y}")
        for code, name, client, manager in projects
    ]


def _services(projects: Table) -> Table:
    return [
        (f"S-{code}-{kind[:3].upper()}", kind, f"B-{code}", kind, rate)
        for code, *_ in projects
        for kind, rate in _KINDS.items()
    ]


def _hours(tasks: Table, services: Table, chance: Random) -> Table:
    """Return the hours, no two of them equal: nobody books twice on a task in a day."""
    of_project = {code: [row[0] for row in services if row[2] == f"B-{code}"] for code in {task[2] for task in tasks}}
    rows: Table = [("Day", "Who", "Service no", "Task no", "Hours", "Comment")]
    for place in range(HOURS):
        task = tasks[place % len(tasks)]
        day = _START + timedelta(days=place // len(tasks) * 7 + place % 5)
        service = chance.choice(of_project[task[2]])
        spent = f"{chance.randrange(0, 8)}:{chance.choice(('15', '30', '45'))}"
        rows.append((f"{day:%d.%m.%Y}", _someone(place), service, task[0], spent, chance.choice(_NOTES)))
    return rows


def _on_site() -> Table:
    rows: Table = [("date", "person_id", "Service id", "time")]
    for place in range(ON_SITE):
        day = _START + timedelta(days=place // 6)
        rows.append((day.isoformat(), 201 + place % 6, 901 + place % 5, 30 + place % 8 * 15))
    return rows


def _spoilt(rows: Table, mistakes: Mapping[int, tuple[str, str]]) -> Table:
    """Return `rows` with `mistakes`, which name the row (the header is 0), the column and what stands there."""
    for number, (column, value) in mistakes.items():
        place = rows[0].index(column)
        rows[number] = (*rows[number][:place], value, *rows[number][place + 1 :])
    return rows


def import_file() -> str:
    """Return the import file that belongs to the tables."""
    return files("headrace.cli").joinpath("demo-import.toml").read_text("utf-8")
