"""Uploading: a file goes to a storage that is not the provider, by a form that the provider has made out for it.

Nothing of the provider's credentials goes there, and nothing of the storage's words but its code goes any further: the
form is a credential too.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import BinaryIO, Final

import anyio

from headrace.dispatch.transport import Sender
from headrace.errors import LostError, NotSentError, TransportError
from headrace.model import Form, Request, Response, Secret

PAUSES: Final = (0.0, 1.0, 5.0)
"""Seconds before each sending of a file: again where the storage failed or did not answer. It is overwritten then."""
LONGEST_ADDRESS: Final = 4096
"""Characters of the address that the storage says a file is at."""
_BUSY: Final = frozenset({408, 429})
_CODE: Final = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")
_MEDIA_TYPE: Final = "content-type"


class UnfitFileError(Exception):
    """The file may not be sent, or is not taken. Never leaves `dispatch`; `code` and `error` as in a fault."""

    def __init__(self, code: str, error: str) -> None:
        super().__init__(error)
        self.code = code
        self.error = error


async def upload(storage: Sender, opened: Callable[[], BinaryIO], form: Mapping[str, str]) -> str:
    """Send a file, and return where it is now.

    Raises `UnfitFileError` where it is refused, and `NotSentError` where the storage cannot be reached: what it may
    have got shows nowhere.
    """
    failure = ""
    for pause in PAUSES:
        await anyio.sleep(pause)
        with opened() as file:
            try:
                response = await storage.send(_request(file, form))
            except TransportError as error:
                failure = str(error)
                continue
        if response.status < 500 and response.status not in _BUSY:
            return _location(response)
        failure = f"status {response.status}"
    raise NotSentError(f"the storage of files does not take them: {failure}")


def _request(file: BinaryIO, form: Mapping[str, str]) -> Request:
    media_type = next((value for name, value in form.items() if name.lower() == _MEDIA_TYPE), "")
    fields = tuple((name, Secret(value)) for name, value in form.items())
    name = PurePath(str(getattr(file, "name", "file"))).name
    return Request(method="POST", path="/", form=Form(fields, file, name, media_type or "application/octet-stream"))


def _location(response: Response) -> str:
    where = response.headers.get("location", "")
    if 200 <= response.status < 300 and 0 < len(where) <= LONGEST_ADDRESS:
        return where
    if 200 <= response.status < 300:
        raise LostError("the storage took the file and does not say where it is")
    said = _CODE.search(response.body)
    reason = f" ({said[1].decode()})" if said else ""
    raise UnfitFileError("storage_refused", f"the storage refused the file: status {response.status}{reason}")
