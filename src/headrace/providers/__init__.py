"""The providers by name: those that ship with headrace, and those of installed packages.

Each is imported when it is asked for: `--help` needs none.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Final

from headrace.provider import Provider

__all__ = ["PROVIDERS"]


GROUP: Final = "headrace.providers"
"""The entry points by which an installed package adds a provider: its name, and where its table is."""


class _Shelf(Mapping[str, Provider]):
    """Provider names to where their tables are, read as a mapping of names to tables.

    Those that ship come first, and no package takes their place. Looking one up raises `ImportError` where its package
    cannot be imported or holds no provider of that name.
    """

    def __init__(self, **places: str) -> None:
        self._places = places

    @cached_property
    def _all(self) -> Mapping[str, str]:
        """The places of all providers. Reading what is installed takes a while, so it waits until somebody asks."""
        from importlib.metadata import entry_points  # noqa: PLC0415 - see above

        return {entry.name: entry.value for entry in entry_points(group=GROUP)} | self._places

    def __getitem__(self, name: str) -> Provider:
        place = self._places.get(name) or self._all[name]
        module, _, table = place.partition(":")
        found = getattr(import_module(module), table, None)
        if not isinstance(found, Provider) or found.name != name:
            raise ImportError(f"{place} is no provider called {name!r}")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name: object) -> bool:
        return name in self._places or name in self._all  # the mixin's would import the table


PROVIDERS: Final[Mapping[str, Provider]] = _Shelf(
    agiled="headrace.providers.agiled.provider:AGILED",
    bezala="headrace.providers.bezala.provider:BEZALA",
    productive="headrace.providers.productive.provider:PRODUCTIVE",
    timemagic="headrace.providers.timemagic.provider:TIME_MAGIC",
)
