"""The whole move from Time Magic to Productive: export, one join, import. Stopped, it goes on when it is run again.

    python samples/timemagic-to-productive/move.py --sandbox

plays it between two sandboxes, which it starts and fills itself. Without `--sandbox` it moves between the accounts of
HEADRACE_TIMEMAGIC_TOKEN, HEADRACE_PRODUCTIVE_TOKEN and HEADRACE_PRODUCTIVE_ORGANIZATION. It writes into the folder
`move` of the current directory.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import headrace

HERE = Path(__file__).parent
EXPORTED = ("projects", "tasks", "time_entries")


def client(provider: str) -> headrace.Client:
    """Return a client of the account, or the sandbox, that the environment names."""
    url = os.environ.get(f"MOVE_{provider.upper()}_URL")
    return headrace.Client(
        provider,
        token=os.environ[f"HEADRACE_{provider.upper()}_TOKEN"],
        organization=os.environ.get(f"HEADRACE_{provider.upper()}_ORGANIZATION"),
        base_url=url,
        settings=headrace.Settings(limits=url is None),  # sandboxes that are started here count nothing
    )


async def export(folder: Path) -> None:
    """Read what is to be moved; a file that is there is whole, and not read again."""
    async with client("timemagic") as source:
        for resource in EXPORTED:
            file = folder / f"{resource}.jsonl"
            if not file.exists():
                done = await source.export(headrace.Query(resource=resource), file)
                print(f"{done.rows} {resource} in {file}")


def join(folder: Path) -> None:
    """Write beside each time entry the project of its task, which Time Magic does not tell with it."""
    project_of = {task["id"]: task["project_id"] for task in records(folder / "tasks.jsonl")}
    with (folder / "hours.jsonl").open("w") as hours:
        for entry in records(folder / "time_entries.jsonl"):
            print(json.dumps({**entry, "project_id": project_of.get(entry["resource_id"])}), file=hours)


def records(file: Path) -> Iterator[dict[str, str]]:
    """Yield the records of a JSON Lines file."""
    with file.open() as lines:
        yield from map(json.loads, lines)


async def move(folder: Path) -> int:
    """Move everything; return the exit code that `headrace run` would have."""
    folder.mkdir(exist_ok=True)
    await export(folder)
    join(folder)
    shutil.copy(HERE / "import.toml", folder)
    async with client("productive") as target:
        report = await target.run(
            headrace.read_import(folder / "import.toml"),
            checkpoint=folder / "import.headrace",
            results=folder / "import.results",
        )
    for load in report.summary.loads:
        print(f"{load.name}: {load.done} of {load.rows} done")
    return report.exit_code


@contextmanager
def sandbox(provider: str) -> Iterator[str]:
    """Start a sandbox, have the environment name it, and give its URL."""
    command = [sys.executable, "-m", "headrace", "sandbox", provider, "--port", "0", "--window", "off"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        os.environ[f"MOVE_{provider.upper()}_URL"] = told["url"]
        os.environ[f"HEADRACE_{provider.upper()}_TOKEN"] = told["token"]
        os.environ[f"HEADRACE_{provider.upper()}_ORGANIZATION"] = told["organization"]
        try:
            yield told["url"]
        finally:
            process.terminate()


def main() -> int:
    """Run the move."""
    folder = Path("move")
    with ExitStack() as running:
        if "--sandbox" in sys.argv:
            url = running.enter_context(sandbox("timemagic"))
            running.enter_context(sandbox("productive"))
            fill = ["run", HERE.parent / "timemagic" / "import.toml", "--checkpoint", folder / "fill.headrace"]
            folder.mkdir(exist_ok=True)
            options = ["--base-url", url, "--no-limits", "--yes", "--quiet", "--json"]
            subprocess.run([sys.executable, "-m", "headrace", *fill, *options], check=True, stdout=subprocess.DEVNULL)
        return asyncio.run(move(folder))


if __name__ == "__main__":
    sys.exit(main())
