"""The bench: a subject, a fresh sandbox of it, and clients that use it one after the other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from headrace.client import Client
from headrace.model import Outcome
from headrace.pipeline import Settings
from headrace.provider import Provider, Resource
from headrace.sandbox.core import Sandbox
from headrace.sandbox.faults import Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

T = TypeVar("T")

MakeRow: TypeAlias = Callable[[Sandbox, int], Mapping[str, Any]]
"""Makes the row of that number for a sandbox. Rows of different numbers differ in a field that is read back."""


class MakeSandbox(Protocol):
    """Makes a fresh sandbox."""

    def __call__(self, **options: Any) -> Sandbox:
        """Return one that behaves as these `sandbox.options.Options` say, and begins at `virtual_time.START`."""


class Subject(Struct, frozen=True, kw_only=True):
    """What is examined.

    `rows` makes valid rows by resource, `wrong` has fields of the right form that the API refuses, `changes` fields of
    an update. `many` is the type, as the sandbox calls it, and the resource of which records are sown by the thousand.
    `sample` is the folder of a sample import, None for none.
    """

    provider: Provider
    sandbox: MakeSandbox
    rows: Mapping[str, MakeRow]
    wrong: Mapping[str, Mapping[str, Any]]
    changes: Mapping[str, Mapping[str, Any]]
    many: tuple[str, str]
    sample: Path | None = None

    def resource(self, name: str) -> Resource:
        """Return a resource that the subject names."""
        found = self.provider.resource(name)
        assert found is not None, f"{self.provider.name} has no resource {name!r}"
        return found


Check: TypeAlias = Callable[[Subject, Path], None]


class Bench:
    """One sandbox, and what is done to it. Mutable state: the hours that have passed."""

    PAUSE: Final = 7_200.0
    """Seconds between two clients: the budget of one is not the next one's, so every window must be empty again."""

    def __init__(
        self, subject: Subject, folder: Path, *faults: Rule, settings: Settings | None = None, **options: Any
    ) -> None:
        self.subject = subject
        self.sandbox = subject.sandbox(faults=faults, **({"latency": (20, 200)} | options))
        self._folder = folder
        self._settings = settings
        self._uses = 0

    def use(self, act: Callable[[Client], Awaitable[T]], *, provider: Provider | None = None) -> T:
        """Return what `act` does with an open client."""

        async def main() -> T:
            virtual_time.advance(self._uses * self.PAUSE)
            client = simulated_client(self.sandbox, self._settings, provider=provider or self.subject.provider)
            async with client:
                return await act(client)

        self._uses += 1
        return virtual_time.run(main)

    def load(
        self,
        resource: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        operation: str = "create",
        most: int | None = None,
    ) -> list[Outcome]:
        """Do `operation` for `rows` and return what became of each; after `most` outcomes the loop is left."""

        async def act(client: Client) -> list[Outcome]:
            found = []
            name = resource if operation == "create" else f"{resource}-{operation}"
            checkpoint = self._folder / f"{name}.headrace"
            async for outcome in client.load(resource, rows, checkpoint=checkpoint, operation=operation):
                found.append(outcome)
                if len(found) == most:
                    break
            return found

        return self.use(act)

    def rows(self, resource: str, count: int) -> list[Mapping[str, Any]]:
        """Return the first `count` rows of a resource."""
        return [self.subject.rows[resource](self.sandbox, number) for number in range(count)]

    @property
    def audit(self) -> dict[str, Any]:
        """What the sandbox has counted."""
        return self.sandbox.audit.report(self.sandbox.store, self.sandbox.api.identify)

    @property
    def created(self) -> int:
        """How many records were created, of whatever type."""
        return sum(self.audit["created"].values())


def kinds(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how many outcomes there are of each kind."""
    names = [type(outcome).__name__ for outcome in outcomes]
    return {name: names.count(name) for name in sorted(set(names))}
