"""Mounts: whether a folder is on another machine, where locks and syncs may not be what they say."""

import os
from pathlib import Path
from typing import Final

TABLE: Final = Path("/proc/self/mounts")
"""What is mounted where, on Linux; nothing is known elsewhere."""
_OVER_THE_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "fuse.sshfs", "fuse.glusterfs", "fuse.rclone"}
)


def warning(path: Path, table: Path = TABLE) -> str | None:
    """Return what to say of a checkpoint at `path` on a network file system, None where it is not known to be."""
    kind = _kind(path, table)
    if kind not in _OVER_THE_NETWORK:
        return None
    return (
        f"The checkpoint {path} is on a network file system ({kind}): two machines may not see each other's locks, and"
        " a lost connection can lose the last outcomes. Put it on a disk of this machine (--checkpoint)."
    )


def _kind(path: Path, table: Path) -> str | None:
    """Return the type of the innermost mount that holds `path`. Of several on one place the last one counts."""
    try:
        lines = os.fsdecode(table.read_bytes()).splitlines()
        place = path.resolve()
    except OSError:
        return None
    found = [(Path(_unescaped(fields[1])), fields[2]) for line in lines if len(fields := line.split(" ")) > 2]
    around = [(len(mount.parts), kind) for mount, kind in found if place.is_relative_to(mount)]
    deepest = max((depth for depth, _ in around), default=0)
    return next((kind for depth, kind in reversed(around) if depth == deepest), None)


def _unescaped(name: str) -> str:
    """Return a place as it is called: blanks and the like are octal in the table."""
    for octal, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        name = name.replace(octal, character)
    return name
