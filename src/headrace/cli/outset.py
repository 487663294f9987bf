"""The outset of a command: what it imports, where the state of that is kept, and the client that goes there."""

from pathlib import Path
from typing import NamedTuple, Self

from headrace.cli.choices import Access, DataFile, Pace
from headrace.cli.destination import Destination, check_input, client_of
from headrace.cli.reading import what_to_import
from headrace.client import Client
from headrace.importfile import ImportSpec, recorded, stem
from headrace.ledger.view import read
from headrace.naming import provider_named


class Outset(NamedTuple):
    """What is imported, its checkpoint, and the way to the provider: the client is not open yet."""

    spec: ImportSpec
    state: Path
    where: Destination
    client: Client

    @classmethod
    def of_file(cls, file: str, how: DataFile, checkpoint: Path | None, access: Access, pace: Pace) -> Self:
        """Return the outset of a command about `file`. Raises what reading it, the credentials and the client raise."""
        spec, provider = what_to_import(file, how)
        check_input(file, access)
        where = Destination.of(provider, access, spec.base_url)
        return cls(spec, checkpoint or Path(f"{stem(file)}.headrace"), where, client_of(where, access, pace))

    @classmethod
    def of_checkpoint(cls, state: Path, access: Access, pace: Pace) -> Self:
        """Return the outset of a command about an import that was begun. Raises as `of_file`, and what is read."""
        with read(state) as view:
            identity, spec = view.identity, recorded(view.definition)
        provider = spec.fitted(provider_named(identity.provider))
        where = Destination.of(provider, access, identity.base_url, is_own=True)
        return cls(spec, state, where, client_of(where, access, pace))
