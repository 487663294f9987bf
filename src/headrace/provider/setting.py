"""Settings: what a vendor does not publish about its API, and what the user says about it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from headrace.provider.table import Provider


class Setting(Struct, frozen=True, kw_only=True):
    """One thing that is left open. `type` is what it takes; `apply` returns the provider with it settled.

    The table itself holds what `default` says.
    """

    name: str
    type: Any
    default: Any
    description: str
    apply: "Callable[[Provider, Any], Provider]"


def fitted(
    provider: "Provider",
    settings: Mapping[str, Any] | None = None,
    names: Mapping[str, Mapping[str, str]] | None = None,
) -> "Provider":
    """Return `provider` as the user says that it is.

    `settings` are values by the name of the setting, `names` the vendor's names of fields by resource and field. Doing
    it twice is doing it once. Raises `KeyError` for settings, resources and fields that there are not.
    """
    known = {setting.name: setting for setting in provider.settings}
    for name, value in (settings or {}).items():
        provider = known[name].apply(provider, value)
    renamed = {each.name: each for each in provider.resources}
    for resource, own in (names or {}).items():
        if surplus := set(own) - renamed[resource].renamable:
            raise KeyError(*surplus)
        renamed[resource] = replace(renamed[resource], names={**renamed[resource].names, **own})
    return replace(provider, resources=tuple(renamed.values()))
