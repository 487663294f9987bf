"""Minutes of time entries by person, project and month: what was imported, beside what the time report says."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from headrace.connection import Connection
from headrace.dispatch.reading import read_pages
from headrace.model import Lane

Worked: TypeAlias = Counter[tuple[str, str, str]]
"""Minutes by person, service and month (`2026-01`)."""

_REPORT: Final = "time_reports"


class Minutes(Struct, frozen=True, kw_only=True):
    """What one person worked on one project in one month: minutes that were `sent`, and that the report has.

    The report counts what others have entered too, so that `found` may be more; less is too little.
    """

    person: str
    project: str
    month: str
    sent: int
    found: int


async def worked(of_services: Worked, connection: Connection) -> list[Minutes]:
    """Compare minutes with the report, one request for each person and month; none where the API has no report."""
    if not of_services or connection.provider.report(_REPORT) is None:
        return []
    project_of = await _projects(connection)
    sent: Worked = Counter()
    for (person, service, month), minutes in of_services.items():
        sent[person, project_of.get(service, ""), month] += minutes
    by_month: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for (person, project, month), minutes in sent.items():
        by_month[person, month][project] = minutes
    found = []
    for (person, month), projects in sorted(by_month.items()):
        told = await _report(connection, person, month)
        found += [
            Minutes(person=person, project=project, month=month, sent=minutes, found=told.get(project, 0))
            for project, minutes in sorted(projects.items())
        ]
    return found


async def _report(connection: Connection, person: str, month: str) -> dict[str, int]:
    """Return a person's minutes in a month, by project."""
    provider = connection.provider
    report = provider.report(_REPORT)
    assert report is not None, "worked has looked"
    year, number = map(int, month.split("-"))
    end = f"{year + number // 12}-{number % 12 + 1:02}-01"
    filters = {"person_id": person, "date": {"gt_eq": f"{month}-01", "lt": end}}
    first = provider.wire.listing(provider, report, filters=filters, group="project")
    told: Counter[str] = Counter()
    async for page in read_pages(connection.transport, provider, replace(first, lane=Lane.ROWS)):
        for item in page.items:
            told[str(item.get("project_id") or "")] += int(item.get("total_worked_time") or 0)
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
