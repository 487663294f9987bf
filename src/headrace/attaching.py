"""Attaching: the files that rows name, below one folder and nowhere else (RELIABILITY.md 3, row 9).

A path leads nowhere above the folder, also not by a link, and to regular files only. What a row does not say of its
file is read from it: its name, its media type and its size.
"""

import os
import stat
from collections.abc import Mapping
from mimetypes import MimeTypes
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
from msgspec import UNSET, Struct

from headrace.dispatch.steps import Uploads
from headrace.dispatch.transport import Sender
from headrace.dispatch.uploading import UnfitFileError
from headrace.errors import UsageError
from headrace.intake import Complete
from headrace.model import Fault
from headrace.provider import Resource, Upload

LARGEST: Final = 5 * 1024**3
"""Bytes of a file at most: what the storage takes by a form (https://docs.aws.amazon.com/AmazonS3/latest/API)."""
OPTION: Final = "--attachments-dir"
_ANY: Final = "application/octet-stream"
_TYPES: Final = MimeTypes()  # Python's own list, so that a file is of the same type on every machine


class Files:
    """The files below one folder. Raises `UsageError` where there is no such folder."""

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder", hint=f"give the folder of the files with {OPTION}")
        self._root = folder.resolve()

    def find(self, path: str) -> Path:
        """Return where a file is. Raises `UnfitFileError` for a path that leads out of the folder, or to nothing."""
        if not path.isprintable():
            raise UnfitFileError("not_a_path", "no path of a file holds such characters")
        try:
            found = (self._root / path).resolve(strict=True)
        except (OSError, RuntimeError):  # a loop of links is the latter
            raise UnfitFileError("no_such_file", f"there is no such file below {OPTION}") from None
        if not found.is_relative_to(self._root):
            raise UnfitFileError("outside", f"the file is not below {OPTION}")
        return found

    def open(self, path: str, size: int | None = None) -> BinaryIO:
        """Open a file for reading, of so many bytes if a `size` is given.

        Raises `UnfitFileError` as `find`, and for what is not a regular file or has another size by now.
        """
        try:
            # Neither a link that has taken the file's place is followed, nor a named pipe waited for.
            descriptor = os.open(self.find(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise UnfitFileError("unreadable", f"the file cannot be read: {error.strerror}") from None
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and size in {None, found.st_size}:
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
        if stat.S_ISREG(found.st_mode):
            raise UnfitFileError("changed", f"the file had {size} bytes when it was checked, and has {found.st_size}")
        raise UnfitFileError("not_a_file", "this is not a regular file")

    def size(self, path: str) -> int:
        """Return a file's size in bytes. Raises as `open`, and for one that is empty or too large to be sent."""
        with self.open(path) as file:
            size = os.fstat(file.fileno()).st_size
        if not size:
            raise UnfitFileError("empty", "the file is empty")
        if size > LARGEST:
            raise UnfitFileError("too_large", f"the file has {size} bytes, and {LARGEST} can be sent")
        return size

    def completed(self, field: str) -> Complete:
        """Return what looks at the file that `field` names, and fills in what a row does not say of it."""

        def complete(value: Struct) -> Struct | Fault:
            path: str = getattr(value, field)
            try:
                size = self.size(path)
            except UnfitFileError as error:
                return Fault(code=error.code, error=error.error, field=field, value=path, hint=_HINTS.get(error.code))
            if (told := getattr(value, "size", UNSET)) not in {UNSET, size}:
                return Fault(code="size", error=f"the file has {size} bytes", field="size", value=str(told))
            return _filled(value, _facts(path, size))

        return complete


def _facts(path: str, size: int) -> Mapping[str, Any]:
    name = Path(path).name
    return {"name": name, "content_type": _TYPES.guess_type(name)[0] or _ANY, "size": size}


def _filled(value: Struct, facts: Mapping[str, Any]) -> Struct:
    wanted = {name: fact for name, fact in facts.items() if getattr(value, name, None) is UNSET}
    return msgspec.structs.replace(value, **wanted)


_HINTS: Final = {
    "no_such_file": f"paths are relative to {OPTION}, and upper and lower case count",
    "outside": f"copy it there, or give another {OPTION}",
    "not_a_file": "give the path of a file",
}


def upload_of(resource: Resource) -> Upload | None:
    """Return the step of `resource` that sends a file, None where it has none."""
    return next((step for step in resource.steps if isinstance(step, Upload)), None)


def completion(resource: Resource, operation: str, folder: str | Path | None) -> Complete | None:
    """Return what completes the values of a load, None where it sends no files.

    Raises `UsageError` where it does and there is no folder.
    """
    step = upload_of(resource) if operation == "create" else None
    if step is None:
        return None
    return _files(folder, resource).completed(step.file)


def uploads(resource: Resource, operation: str, folder: str | Path | None, storage: Sender | None) -> Uploads | None:
    """Return what a load needs to send files, None where it sends none. Raises as `completion`."""
    if operation != "create" or upload_of(resource) is None:
        return None
    assert storage is not None, "whoever has a folder of files has a storage"
    return Uploads(storage, _files(folder, resource))


def _files(folder: str | Path | None, resource: Resource) -> Files:
    if folder is None:
        raise UsageError(f"{resource.name} are files, and nobody says where", hint=f"give {OPTION} FOLDER")
    return Files(folder)
