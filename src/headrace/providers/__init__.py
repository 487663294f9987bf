"""The providers that ship with headrace, by name. Each is imported when it is asked for: `--help` needs none."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

from headrace.provider import Provider

__all__ = ["PROVIDERS"]


class _Shelf(Mapping[str, Provider]):
    """Provider names to where their tables are, read as a mapping of names to tables."""

    def __init__(self, **places: str) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Provider:
        module, _, table = self._places[name].partition(":")
        found = getattr(import_module(module), table)
        assert isinstance(found, Provider)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places  # the mixin's would import the table


PROVIDERS: Final[Mapping[str, Provider]] = _Shelf(
    agiled="headrace.providers.agiled.provider:AGILED",
    bezala="headrace.providers.bezala.provider:BEZALA",
    productive="headrace.providers.productive.provider:PRODUCTIVE",
    timemagic="headrace.providers.timemagic.provider:TIME_MAGIC",
)
