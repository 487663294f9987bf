"""Paths that hold fields, as `/projects/{project_id}/tasks`."""

from collections.abc import Callable
from string import Formatter
from typing import Any
from urllib.parse import quote


def fields_in(path: str) -> tuple[str, ...]:
    """Return the fields that `path` holds, in order."""
    return tuple(name for _, name, _, _ in Formatter().parse(path) if name)


def filled(path: str, value_of: Callable[[str], Any]) -> str:
    """Return `path` with a value in the place of each field; no value adds a segment of its own."""
    values = {name: quote(str(value_of(name)), safe="") for name in fields_in(path)}
    return path.format(**values) if values else path
