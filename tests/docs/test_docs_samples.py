"""The samples run: what they show is what happens."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.real
def test_the_application_runs_and_goes_on(tmp_path: Path, start_sandbox: Callable[..., Any]) -> None:
    """The application imports its timesheet once; run again, it finds everything done."""
    sandbox = start_sandbox()
    first, second = (
        subprocess.run(
            [sys.executable, str(SAMPLES / "app.py")],
            env=os.environ | sandbox.environment | {"HEADRACE_PRODUCTIVE_URL": sandbox.url},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for _ in range(2)
    )
    assert "row 99: time:" in first
    assert "249 done, 1 invalid; projects answered 200" in first
    assert "0 done, 1 invalid" in second


@pytest.mark.real
@pytest.mark.parametrize(("provider", "rows"), [("agiled", 39), ("timemagic", 18), ("bezala", 24)])
def test_a_sample_import_runs_as_it_says(
    tmp_path: Path, start_sandbox: Callable[..., Any], provider: str, rows: int
) -> None:
    """`headrace run samples/NAME/import.toml` imports every row, and run again finds everything done."""
    sandbox = start_sandbox("--window", "off", provider=provider)
    command = [sys.executable, "-m", "headrace", "run", str(SAMPLES / provider / "import.toml"), "--json", "--yes"]
    for _ in range(2):
        ran = subprocess.run(
            [*command, "--no-limits", "--base-url", sandbox.url],
            env=os.environ | sandbox.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert orjson.loads(ran.stdout)["done"] == rows
    audit = sandbox.audit()
    assert (sum(audit["created"].values()), audit["duplicates"], audit["unknown_attributes"]) == (rows, 0, {})


@pytest.mark.real
def test_a_move_from_one_tool_to_another_is_one_command(tmp_path: Path) -> None:
    """Projects, tasks and hours of Time Magic are exported, and imported into Productive with all they need."""
    ran = subprocess.run(
        [sys.executable, str(SAMPLES / "timemagic-to-productive" / "move.py"), "--sandbox"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "tasks: 8 of 8 done" in ran.stdout
    hours = [orjson.loads(line) for line in (tmp_path / "move" / "hours.jsonl").read_text().splitlines()]
    done = (tmp_path / "move" / "import.results" / "time_entries.success.csv").read_text().splitlines()
    assert len(done) - 1 == len(hours) == 8


def test_a_client_reads_and_asks_inside_a_running_application() -> None:
    """`read` walks all pages with filters; `request` is the application's own; `headrace.run` refuses in a loop."""
    import headrace
    from headrace.sandbox.core import Sandbox
    from headrace.sandbox.options import Options
    from headrace.testing import virtual_time
    from headrace.testing.wire import simulated_client

    async def main() -> None:
        async with simulated_client(Sandbox(Options(), virtual_time.START)) as client:
            everybody = [person async for person in client.read("people")]
            assert len(everybody) == 8
            first = everybody[0]
            found = [person async for person in client.read("people", filter={"email": first["email"]})]
            assert [person["id"] for person in found] == [first["id"]]
            response = await client.request("GET", "/people", params={"page[size]": "2"})
            assert len(orjson.loads(response.body)["data"]) == 2
            created = await client.request(
                "POST", "/companies", json={"data": {"type": "companies", "attributes": {"name": "Acme"}}}
            )
            assert created.status == 201
            with pytest.raises(headrace.HeadraceError, match="without an event loop"):
                headrace.run("import.toml")

    virtual_time.run(main)


def test_leaving_the_loop_early_settles_what_is_under_way(tmp_path: Path) -> None:
    """Whoever breaks out of the outcomes loses nothing: the next call goes on, and nothing is there twice."""
    from headrace.sandbox.core import Sandbox
    from headrace.sandbox.options import Options
    from headrace.testing import virtual_time
    from headrace.testing.wire import simulated_client

    sandbox = Sandbox(Options(latency=(50, 300)), virtual_time.START)
    rows = [
        {"date": "2026-01-05", "time": 1 + at % 480, "person_id": 201, "service_id": 901, "note": f"row {at}"}
        for at in range(900)
    ]

    async def main() -> None:
        for stop in (1, 250, 10_000):
            seen = 0
            async with simulated_client(sandbox) as client:
                async for _ in client.load("time_entries", rows, checkpoint=tmp_path / "rows.headrace", key=["note"]):
                    seen += 1
                    if seen == stop:
                        break
            await asyncio.sleep(3_600)
        notes = [record.attributes["note"] for record in sandbox.store.table("time_entries").values()]
        assert len(notes) == len(set(notes)) == 900

    virtual_time.run(main)


def test_back_pressure_is_the_iterator() -> None:
    """While nobody takes outcomes, rows are not read without end."""
    from headrace.sandbox.core import Sandbox
    from headrace.sandbox.options import Options
    from headrace.testing import virtual_time
    from headrace.testing.wire import simulated_client

    read = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal read
        for at in range(100_000):
            read += 1
            yield {"date": "2026-01-05", "time": 5, "person_id": 201, "service_id": 901, "note": f"row {at}"}

    async def main() -> None:
        async with simulated_client(Sandbox(Options(), virtual_time.START)) as client:
            outcomes = client.load("time_entries", rows())
            await anext(outcomes)
            await asyncio.sleep(7_200)
            assert read < 5_000
            await outcomes.aclose()

    virtual_time.run(main)


def test_an_error_in_the_callers_rows_is_the_callers() -> None:
    """What the source raises comes out of the loop over the outcomes; the client and its other loads live on."""
    from headrace.sandbox.core import Sandbox
    from headrace.sandbox.options import Options
    from headrace.testing import virtual_time
    from headrace.testing.wire import simulated_client

    def rows(count: int) -> Iterator[dict[str, Any]]:
        for at in range(count):
            yield {"date": "2026-01-05", "time": 5, "person_id": 201, "service_id": 901, "note": f"row {at}"}
        if count == 250:
            raise ZeroDivisionError("in the caller's own code")

    async def main() -> None:
        async with simulated_client(Sandbox(Options(), virtual_time.START)) as client:
            with pytest.raises(ZeroDivisionError, match="own code"):
                async for _ in client.load("time_entries", rows(250)):
                    pass
            assert len([outcome async for outcome in client.load("time_entries", rows(20), name="other")]) == 20

    virtual_time.run(main)
