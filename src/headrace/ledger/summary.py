"""The summary: one object that says how an import stands, for `--json` and `summary.json`, and the exit code of it."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from headrace.ledger import durable
from headrace.ledger.view import View
from headrace.model import Counts

EXIT_INTERRUPTED: Final = 130
EXIT_TERMINATED: Final = 143
_PRECEDENCE: Final = (EXIT_INTERRUPTED, EXIT_TERMINATED, 1, 2, 8, 6, 9, 7, 5, 4, 3, 0)


class LoadSummary(Struct, frozen=True, kw_only=True):
    """How one load stands. The counts are those of `model.Counts`."""

    name: str
    resource: str
    rows: int
    done: int
    rejected: int
    invalid: int
    skipped: int
    in_doubt: int
    duplicated: int
    not_attempted: int


class Summary(Struct, frozen=True, kw_only=True, rename={"import_name": "import"}):
    """How an import stands, in the state of its checkpoint; `requests`, `throttled` and `seconds` are this run's.

    `throttled` counts the answers with status 429. `checkpoint` is the path, None for one in memory.
    """

    import_name: str
    provider: str
    rows: int
    done: int
    rejected: int
    invalid: int
    skipped: int
    in_doubt: int
    duplicated: int
    not_attempted: int
    requests: int
    throttled: int
    seconds: float
    checkpoint: str | None
    loads: tuple[LoadSummary, ...]

    @property
    def counts(self) -> Counts:
        """The counts of the whole import."""
        return Counts(**{name: getattr(self, name) for name in Counts.__struct_fields__})


def summarise(view: View, *, requests: int = 0, throttled: int = 0, seconds: float = 0.0) -> Summary:
    """Return the summary of the checkpoint as it stands."""
    identity = view.identity
    by_load = [(load, view.counts(load.name)) for load in view.loads]
    return Summary(
        import_name=identity.import_name,
        provider=identity.provider,
        requests=requests,
        throttled=throttled,
        seconds=seconds,
        checkpoint=None if view.path is None else str(view.path),
        loads=tuple(
            LoadSummary(name=load.name, resource=load.resource, **msgspec.structs.asdict(counts))
            for load, counts in by_load
        ),
        **msgspec.structs.asdict(sum((counts for _, counts in by_load), Counts())),
    )


def write_summary(folder: Path, summary: Summary) -> Path:
    """Write `summary.json` into the results folder, all of it or nothing; return its path. Raises `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "summary.json"
    durable.replace(path, msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    return path


def exit_code(counts: Counts, reason: int | None = None) -> int:
    """Return the exit code of a run that ended with `counts`, and early with exit code `reason` where not None.

    Of several that hold, the first in the order of DESIGN.md section 10 counts. An unknown reason is our bug.
    """
    holding = {
        0: True,
        3: counts.rejected + counts.invalid > 0,
        4: counts.in_doubt + counts.duplicated > 0,
        reason if reason in _PRECEDENCE else 1: reason is not None,
    }
    return next(code for code in _PRECEDENCE if holding.get(code))
