"""An application that imports while it goes on working: rows come from an async generator, outcomes as they happen.

Try it on the sandbox: `headrace sandbox productive` prints url, token and organization; give them in the environment
as HEADRACE_PRODUCTIVE_URL, HEADRACE_PRODUCTIVE_TOKEN and HEADRACE_PRODUCTIVE_ORGANIZATION.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import headrace


async def timesheet(person: str, service: str) -> AsyncIterator[dict[str, Any]]:
    """Yield what the application has recorded: 250 working days, one entry with a typing error among them."""
    for day in range(250):
        yield {
            "date": f"2026-{1 + day // 25:02}-{1 + day % 25:02}",
            "time": 480 if day != 99 else "eight hours",
            "person_id": person,
            "service_id": service,
            "note": f"day {day}",
        }


async def main() -> None:
    """Look up who and what, import the timesheet, and ask for something else meanwhile."""
    async with headrace.Client(
        "productive",
        token=os.environ["HEADRACE_PRODUCTIVE_TOKEN"],
        organization=os.environ["HEADRACE_PRODUCTIVE_ORGANIZATION"],
        base_url=os.environ.get("HEADRACE_PRODUCTIVE_URL"),
    ) as client:
        people = [person async for person in client.read("people", fields=["email"])]
        services = [service async for service in client.read("services", fields=["name"])]
        rows = timesheet(people[0]["id"], services[0]["id"])

        outcomes: Counter[str] = Counter()
        async for outcome in client.load("time_entries", rows, checkpoint="timesheet.headrace"):
            outcomes[type(outcome).__name__] += 1
            if isinstance(outcome, headrace.Invalid | headrace.Rejected):
                print(f"row {outcome.offset}: {outcome.errors[0].field}: {outcome.errors[0].error}")

        # The application's own calls share the budget, and go first.
        response = await client.request("GET", "/projects", params={"page[size]": "1"})
        print(f"{outcomes['Done']} done, {outcomes['Invalid']} invalid; projects answered {response.status}")


if __name__ == "__main__":
    asyncio.run(main())
