"""Sources: what the rows of a load are read from, and the intake that makes records of them."""

from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from msgspec.structs import replace

from headrace.attaching import completion
from headrace.errors import HeadraceError, UsageError
from headrace.feed import AnySource
from headrace.intake import Complete, Intake
from headrace.intake.first import first_rows
from headrace.intake.load import Places
from headrace.intake.names import Names, Origin, columns_of, place_of
from headrace.intake.references import Reference
from headrace.intake.source import Source, open_source
from headrace.loads import LoadSpec, MissingSpec, Need
from headrace.missing import attribute
from headrace.provider import IdempotencyKey, Name, Provider, Resource
from headrace.provider.form import form


def open_of(spec: LoadSpec, provider: Provider, limit: int | None = None) -> Source:
    """Open the source of a load that has been checked; of an implied one, for a run of `limit` rows of each source.

    Raises `SourceError` or `UsageError`, as `open_source` does.
    """
    if isinstance(spec, MissingSpec):
        return _names_of(spec, provider, limit)
    return open_source(
        spec.source, format=spec.format, encoding=spec.encoding, delimiter=spec.delimiter, path=spec.path
    )


def _names_of(spec: MissingSpec, provider: Provider, limit: int | None) -> Names:
    """Return the names that rows refer by, as a source. Raises `UsageError` as `check_replayable` does."""
    with ExitStack() as opened:
        origins = [_origin_of(need, provider, opened) for need in spec.needs]
        opened.pop_all()  # the names close them
        return Names(spec.title, _attribute_of(spec, provider), origins, limit)


def _origin_of(need: Need, provider: Provider, opened: ExitStack) -> Origin:
    source = opened.enter_context(closing(open_of(need.load, provider)))
    check_replayable(source, need.load)
    intake = intake_of(need.load, provider, source=source.name, has_open_columns=source.has_open_columns)
    return Origin(source, intake, need.field, columns_of(need.rule.missing_fields))


def check_replayable(source: AnySource, load: LoadSpec) -> None:
    """Raise `UsageError` where names cannot be read before the rows that have them."""
    if not source.is_replayable:
        raise UsageError(
            f"create_missing reads the names of {load.title} before its rows, and the source can be read only once",
            hint="save the rows to a file first, and import that",
        )


def count_rows(reopen: Callable[[], Source], limit: int | None, is_over: Callable[[], bool]) -> int | None:
    """Return how many rows a source has, opened once more; None where it cannot be read to its end."""
    rows = 0
    with suppress(HeadraceError), closing(reopen()) as source:
        for chunk in first_rows(source.chunks(), limit):
            if is_over():
                return None
            rows += len(chunk.rows)
        return rows
    return None


def intake_over(spec: LoadSpec, provider: Provider, source: AnySource, attachments: str | Path | None = None) -> Intake:
    """Return the intake of a checked load over its open source; `attachments` is the folder of the files it names."""
    return intake_of(
        spec,
        provider,
        source=source.name,
        has_open_columns=source.has_open_columns,
        complete=completion(resource_of(spec, provider), spec.operation, attachments),
        places=place_of if isinstance(source, Names) else None,
    )


def intake_of(
    spec: LoadSpec,
    provider: Provider,
    *,
    source: str,
    has_open_columns: bool,
    complete: Complete | None = None,
    places: Places | None = None,
) -> Intake:
    """Return the compiled intake of a load that has been checked."""
    resource = resource_of(spec, provider)
    return Intake(
        resource,
        form(resource, spec.operation),
        source=source,
        rules=spec.fields,
        key=spec.key,
        has_open_columns=has_open_columns,
        complete=complete,
        stands_for=_stands_for(spec, provider),
        places=places,
    )


def _stands_for(spec: LoadSpec, provider: Provider) -> Reference | None:
    """Return by what the rows of an implied load stand for records that are there; None of any other load."""
    if not isinstance(spec, MissingSpec):
        return None
    return Reference(_attribute_of(spec, provider), "lookup", spec.resource, spec.looked_up, spec.resource)


def _attribute_of(spec: MissingSpec, provider: Provider) -> str:
    resource = provider.resource(spec.resource)
    found = None if resource is None else attribute(resource, spec.looked_up)
    assert found is not None, "check_import has looked"
    return found


def resource_of(spec: LoadSpec, provider: Provider) -> Resource:
    """Return the resource of a load that has been checked.

    Where it is read back what became of a lost answer, a name is identified by itself, also when the first row with it
    is another one by now.
    """
    resource = provider.resource(spec.resource)
    assert resource is not None, "check_import has looked"
    if isinstance(spec, MissingSpec) and not isinstance(resource.guarantee, IdempotencyKey):
        return replace(resource, guarantee=Name(_attribute_of(spec, provider)))
    return resource
