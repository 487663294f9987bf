"""Repairing: a checkpoint made sound, and what that took."""

from pathlib import Path

import msgspec

from headrace.cli import terminal
from headrace.cli.screen import plain, show
from headrace.cli.text import count
from headrace.ledger.repair import repair


def mend(checkpoint: Path, *, as_json: bool, is_quiet: bool) -> int:
    """Repair the checkpoint, say what came of it, and return 0 or 4. Raises what `repair` raises."""
    found = repair(checkpoint)
    if as_json:
        facts = msgspec.to_builtins(msgspec.structs.replace(found, original=None))
        terminal.emit(facts | {"checkpoint": str(checkpoint), "original": found.original and str(found.original)})
    elif found.original is None:
        show(plain(f"{checkpoint} is sound: {count(found.kept, 'request')}, nothing was changed"))
    else:
        show(
            plain(f"{checkpoint}: {count(found.kept, 'request')} saved, {count(found.lost, 'record')} lost"),
            plain(f"{count(found.unknown, 'row')} unknown: the next run looks them up before it sends anything again"),
        )
    if found.original is not None and not is_quiet:
        terminal.say(f"the damaged file is kept as {found.original}")
    return 4 if found.unknown else 0
