"""Minutes of time entries by person, project and month: what was imported, beside what the time report says."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from headrace.connection import Connection
from headrace.dispatch.reading import read_pages
from headrace.model import Lane
from headrace.provider import Resource

Worked: TypeAlias = Counter[tuple[str, str, str]]
"""Minutes by person, service and month (`2026-01`)."""

_REPORT: Final = "time_reports"


class Minutes(Struct, frozen=True, kw_only=True):
    """Minutes of one month that were `sent`, and that the report has: of a person, on a project, or of both.

    The report counts what others have entered too, so that `found` may be more; less is too little.
    """

    month: str
    person: str | None = None
    project: str | None = None
    sent: int
    found: int


def is_reported(resource: Resource, connection: Connection) -> bool:
    """Whether the API has a report of the minutes of such records."""
    return resource.name == "time_entries" and connection.provider.report(_REPORT) is not None


async def worked(of_services: Worked, connection: Connection) -> list[Minutes]:
    """Compare minutes with the report, by person and by project: two requests a month.

    Where the report has another number for a person, that one is compared by project as well.
    """
    if not of_services:
        return []
    project_of = await _projects(connection)
    by_month: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for (person, service, month), minutes in of_services.items():
        by_month[month][person, project_of.get(service, "")] += minutes
    found: list[Minutes] = []
    for month, sent in sorted(by_month.items()):
        people, projects = _summed(sent, 0), _summed(sent, 1)
        told = await _report(connection, month, "person")
        found += [Minutes(month=month, person=one, sent=people[one], found=told[one]) for one in sorted(people)]
        odd = [one for one in sorted(people) if told[one] != people[one]]
        told = await _report(connection, month, "project")
        found += [Minutes(month=month, project=one, sent=projects[one], found=told[one]) for one in sorted(projects)]
        for person in odd:
            told = await _report(connection, month, "project", person_id=person)
            found += [
                Minutes(month=month, person=person, project=one, sent=sent[person, one], found=told[one])
                for one in sorted(project for whose, project in sent if whose == person)
            ]
    return found


def _summed(sent: Mapping[tuple[str, str], int], place: int) -> Counter[str]:
    sums: Counter[str] = Counter()
    for pair, minutes in sent.items():
        sums[pair[place]] += minutes
    return sums


async def _report(connection: Connection, month: str, group: str, **filters: str) -> Counter[str]:
    """Return the minutes of a month, by person or by project."""
    provider = connection.provider
    report = provider.report(_REPORT)
    assert report is not None, "is_reported has looked"
    year, number = map(int, month.split("-"))
    end = f"{year + number // 12}-{number % 12 + 1:02}-01"
    wanted = {**filters, "date": {"gt_eq": f"{month}-01", "lt": end}}
    first = provider.wire.listing(provider, report, filters=wanted, group=group)
    told: Counter[str] = Counter()
    async for page in read_pages(connection.transport, provider, replace(first, lane=Lane.ROWS)):
        for item in page.items:
            told[str(item.get(f"{group}_id") or "")] += int(item.get("total_worked_time") or 0)
    return told


async def _projects(connection: Connection) -> Mapping[str, str]:
    """Return the project of each service, which is that of its budget."""
    deal_of = await _links(connection, "services", "deal_id")
    project_of = await _links(connection, "deals", "project_id")
    return {service: project_of.get(deal, "") for service, deal in deal_of.items()}


async def _links(connection: Connection, name: str, field: str) -> dict[str, str]:
    provider = connection.provider
    resource = provider.resource(name)
    assert resource is not None, "a provider with a time report has services and deals"
    first = provider.wire.listing(provider, resource, filters={}, include=[field], fields=[field])
    found: dict[str, str] = {}
    async for page in read_pages(connection.transport, provider, replace(first, lane=Lane.ROWS)):
        found.update((str(item["id"]), str(item.get(field) or "")) for item in page.items)
    return found
