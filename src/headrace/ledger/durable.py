"""Files that survive a power cut: written whole, synced, renamed, and their folder synced too."""

import os
from pathlib import Path
from typing import Final

MODE: Final = 0o600
_EXCLUSIVE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def create(path: Path) -> int:
    """Return the descriptor of a new file at `path`, replacing what an earlier attempt left there."""
    path.unlink(missing_ok=True)
    return os.open(path, _EXCLUSIVE, MODE)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls it takes. Raises `OSError`."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def rename(source: Path, target: Path) -> None:
    """Put the synced file `source` in the place of `target`, durably."""
    source.replace(target)
    sync_folder(target.parent)


def replace(path: Path, data: bytes) -> None:
    """Make `data` the content of `path`, all of it or nothing. Raises `OSError`."""
    draft = path.with_name(f".{path.name}.next")
    descriptor = create(draft)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    rename(draft, path)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
