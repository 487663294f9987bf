"""What ends a run: the errors for answers after which going on makes no sense."""

from headrace.errors import AddressError, CredentialsError, StoppedError
from headrace.model import Response
from headrace.provider import Provider


def unauthorized(provider: Provider, response: Response) -> CredentialsError:
    """Return the error for an answer that does not accept who we are."""
    name = provider.name.upper()
    return CredentialsError(
        f"{provider.name} does not accept the credentials (status {response.status})",
        hint=f"set HEADRACE_{name}_TOKEN and HEADRACE_{name}_ORGANIZATION to valid ones and run the same command again",
    )


def misdirected(provider: Provider, response: Response) -> AddressError:
    """Return the error for an answer that cannot come from the API."""
    return AddressError(
        f"what answers is not the API of {provider.name} (status {response.status}, {excerpt(response)})",
        hint=f"check --base-url; the whole base is needed, path included, as in {provider.base_url}",
    )


def liar(provider: Provider) -> StoppedError:
    """Return the error for an answer that cannot be true."""
    return StoppedError(
        f"{provider.name} answered with one id for two records",
        hint="nothing it says can be relied on now; run the same command again: what was sent is looked up first",
    )


def excerpt(response: Response) -> str:
    """Return what kind of thing answered, without a word of its body, which may hold secrets."""
    return f"{response.media_type or 'no media type'}, {len(response.body)} bytes"
