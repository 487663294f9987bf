"""headrace: CSV and JSON rows into rate-limited project-management APIs, in bulk, once, at exactly the allowed rate."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headrace.client import Client
    from headrace.errors import HeadraceError
    from headrace.exporting import Exported, Query
    from headrace.facade import plan, run
    from headrace.importfile import read_import
    from headrace.migration import Report
    from headrace.model import (
        Done,
        Duplicated,
        Fault,
        InDoubt,
        Invalid,
        NotAttempted,
        Outcome,
        Rejected,
        Secret,
        Skipped,
    )
    from headrace.pipeline import Settings
    from headrace.planning import Plan

__all__ = [
    "Client",
    "Done",
    "Duplicated",
    "Exported",
    "Fault",
    "HeadraceError",
    "InDoubt",
    "Invalid",
    "NotAttempted",
    "Outcome",
    "Plan",
    "Query",
    "Rejected",
    "Report",
    "Secret",
    "Settings",
    "Skipped",
    "plan",
    "read_import",
    "run",
]

_HOME: Final = {
    "Client": "headrace.client",
    "Exported": "headrace.exporting",
    "HeadraceError": "headrace.errors",
    "Plan": "headrace.planning",
    "Query": "headrace.exporting",
    "Report": "headrace.migration",
    "Settings": "headrace.pipeline",
    "plan": "headrace.facade",
    "read_import": "headrace.importfile",
    "run": "headrace.facade",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `headrace --help` should not wait for aiohttp."""
    if name not in __all__:
        raise AttributeError(f"module 'headrace' has no attribute {name!r}")
    return getattr(import_module(_HOME.get(name, "headrace.model")), name)
