"""What is to be imported: an import file, or a data file with `--to`, as one import."""

from pathlib import Path
from typing import Final

import msgspec

from headrace.cli.choices import DataFile
from headrace.errors import UsageError
from headrace.importfile import ImportSpec, check_import, read_import, single
from headrace.naming import provider_named, resource_named
from headrace.provider import Provider

_IMPORT_FILE: Final = ".toml"
_OPTIONS: Final = {name: f"--{name}" for name in ("key", "format", "delimiter", "encoding", "operation", "by")}


def what_to_import(file: str, how: DataFile) -> tuple[ImportSpec, Provider]:
    """Return the import that `file` stands for, checked against its provider, and the provider.

    Raises `UsageError` or `SourceError`.
    """
    return _from_import_file(Path(file), how) if file.endswith(_IMPORT_FILE) else _from_data_file(file, how)


def _from_import_file(file: Path, how: DataFile) -> tuple[ImportSpec, Provider]:
    surplus = [option for name, option in {"to": "--to", **_OPTIONS}.items() if getattr(how, name)]
    if surplus:
        raise UsageError(f"{surplus[0]} is for data files", hint=f"write it into {file}: headrace providers --schema")
    spec = read_import(file)
    provider = provider_named(spec.provider)
    check_import(spec, provider, file)
    return spec, spec.fitted(provider)


def _from_data_file(file: str, how: DataFile) -> tuple[ImportSpec, Provider]:
    if how.to is None:
        raise UsageError(
            f"{file} is a data file, and nothing says where its rows go",
            hint="give --to PROVIDER:RESOURCE, or write an import file; headrace providers lists what there is",
        )
    provider = provider_named(how.to.provider)
    resource = resource_named(provider, how.to.resource)
    bare = single(file, provider.name, resource.name)
    told = {name: getattr(how, name) for name in ("format", "delimiter", "encoding")}
    done = {"operation": how.operation or bare.load[0].operation, "by": tuple(how.by or ())}
    load = msgspec.structs.replace(bare.load[0], key=tuple(how.key or ()), **told, **done)
    spec = msgspec.structs.replace(bare, load=(load,))
    check_import(spec, provider)
    return spec, provider
