"""A connection: an open way to one provider, as an import finds it."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from headrace.dispatch.budget import Budget
from headrace.dispatch.servertime import ServerTime
from headrace.dispatch.transport import Sender, Transport
from headrace.errors import UsageError
from headrace.importfile import ImportSpec, check_import
from headrace.ledger import Checkpoint, Identity
from headrace.outside import Outside
from headrace.provider import Provider


class Connection(Struct, frozen=True, kw_only=True):
    """An open way to one provider, with one set of credentials.

    `storage` is where files go, None where none are to be sent. `is_shared` says that its budget is kept where other
    processes find it, on disk or in Redis.
    `notices` are sentences for the user, to which more may come while it is open.
    """

    provider: Provider
    base_url: str
    organization: str
    transport: Transport
    budget: Budget
    outside: Outside
    time: ServerTime
    storage: Sender | None = None
    is_shared: bool = False
    notices: Sequence[str] = ()

    def fitted(self, spec: ImportSpec) -> "Connection":
        """Return the connection with its provider as an import has it (`ImportSpec.fitted`).

        Raises `SourceError` for what the provider does not have, `UsageError` where that is another budget.
        """
        check_import(spec, self.provider)
        provider = spec.fitted(self.provider)
        if provider.limits != self.provider.limits:
            raise UsageError(
                "the import has other limits than the client that is to run it",
                hint="make the client with the import's own: Client(spec.fitted(provider), ...)",
            )
        return replace(self, provider=provider)

    def open(self, checkpoint: Path | None, spec: ImportSpec, results: Path | None) -> Checkpoint:
        """Open the checkpoint of an import through this connection. Raises what `Checkpoint.open` raises."""
        if results is not None and results.exists() and not results.is_dir():
            raise UsageError(f"{results} is in the way of the results folder", hint="move it, or give --checkpoint")
        identity = Identity(
            import_name=spec.name,
            provider=self.provider.name,
            base_url=self.base_url,
            organization=self.organization,
        )
        return Checkpoint.open(
            checkpoint,
            identity=identity,
            definition=msgspec.json.encode(spec),
            results=results,
            threaded=self.outside.is_threaded,
        )
