"""Names of providers and resources as users type them, with the one they may have meant."""

from headrace.errors import UsageError
from headrace.intake.suggestion import did_you_mean, listed
from headrace.provider import Provider, Resource
from headrace.providers import PROVIDERS


def provider_named(name: str) -> Provider:
    """Return the provider called `name`. Raises `UsageError` with a suggestion."""
    if name not in PROVIDERS:
        hint = did_you_mean(name, PROVIDERS) or f"there are {listed(sorted(PROVIDERS))}"
        raise UsageError(f"there is no provider {name!r}", hint=hint)
    return PROVIDERS[name]


def resource_named(provider: Provider, name: str) -> Resource:
    """Return the resource of `provider` called `name`. Raises `UsageError` with a suggestion."""
    resource = provider.resource(name)
    if resource is None:
        names = [known.name for known in provider.resources]
        hint = did_you_mean(name, names) or f"there are {listed(names)}"
        raise UsageError(f"{provider.name} has no resource {name!r}", hint=hint)
    return resource
