"""A sandbox as a process: its options checked, its address printed first, its end quiet."""

from pathlib import Path

from headrace.cli.sandbox import Conduct
from headrace.errors import SourceError, UsageError
from headrace.naming import provider_named
from headrace.sandbox import server
from headrace.sandbox.faults import Rule, load_faults
from headrace.sandbox.options import Options


def play(name: str, conduct: Conduct, faults: Path | None) -> int:
    """Run the sandbox of the provider called `name` until SIGINT or SIGTERM. Raises `UsageError`."""
    provider = provider_named(name)
    chosen = {option: value for option, value in conduct._asdict().items() if value is not None}
    try:
        options = Options(provider=provider.name, faults=_rules(faults), **chosen)
    except ValueError as error:
        raise UsageError(str(error), hint="headrace sandbox --help lists the choices") from None
    try:
        server.run(options)
    except OSError as error:
        raise UsageError(
            f"cannot listen on 127.0.0.1:{options.port}: {error.strerror or error}", hint="--port 0 picks a free port"
        ) from None
    return 0


def _rules(file: Path | None) -> tuple[Rule, ...]:
    if file is None:
        return ()
    try:
        return load_faults(file)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", file=str(file), hint="check the path") from None
    except ValueError as error:
        raise SourceError(str(error), file=str(file), hint="headrace/sandbox/faults.py describes the format") from None
