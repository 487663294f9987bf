"""Names of providers and resources as users type them, with the one they may have meant."""

from collections.abc import Iterable

from headrace.errors import UsageError
from headrace.intake.suggestion import did_you_mean, listed
from headrace.provider import Provider, Resource
from headrace.providers import PROVIDERS


def suggestion(word: str, names: Iterable[str]) -> str:
    """Return the hint for a word that is none of `names`: the one that was meant, or all there are."""
    return did_you_mean(word, names) or f"there are {listed(sorted(names))}"


def provider_named(name: str) -> Provider:
    """Return the provider called `name`. Raises `UsageError` with a suggestion, or where its package is broken."""
    if name not in PROVIDERS:
        raise UsageError(f"there is no provider {name!r}", hint=suggestion(name, PROVIDERS))
    try:
        return PROVIDERS[name]
    except Exception as error:  # noqa: BLE001 - importing somebody's package may raise anything
        raise UsageError(
            f"the provider {name!r} cannot be loaded: {type(error).__name__}: {error}",
            hint="repair the package that brings it, or remove it",
        ) from None


def resource_named(provider: Provider, name: str) -> Resource:
    """Return the resource of `provider` called `name`. Raises `UsageError` with a suggestion."""
    resource = provider.resource(name)
    if resource is None:
        names = [known.name for known in provider.resources]
        raise UsageError(f"{provider.name} has no resource {name!r}", hint=suggestion(name, names))
    return resource


def readable_named(provider: Provider, name: str) -> Resource:
    """Return the resource or report of `provider` called `name`. Raises `UsageError` with a suggestion."""
    found = provider.resource(name) or provider.report(name)
    if found is None:
        reports = sorted(provider.reports.names) if provider.reports else []
        names = [*(known.name for known in provider.resources), *reports]
        raise UsageError(f"{provider.name} has nothing called {name!r} to read", hint=suggestion(name, names))
    return found
