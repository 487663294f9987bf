"""The canary: the tokens that tests use, and where one of them is found that should be nowhere.

Every test is searched by `conftest._no_secret_is_left` when it ends: all files in its folder, and what was captured of
its output. Looked for are the tokens themselves and what they look like in a URL or in base64.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from headrace.sandbox.productive.storage import TOKEN as STORAGE_TOKEN

CANARIES: Final = ("canary-token-5f1e", "canary-3c1e", "canary-7f3a", "canary-plus+5f1e/x=", STORAGE_TOKEN)
"""The tokens of the command line's tests, of the simulated world, of the transport's and of the security tests; and
what the sandbox's storage of files gives out for an upload."""


def _in_base64(secret: bytes) -> Iterator[bytes]:
    """Yield what is constant of `secret` inside any base64 text: there are three ways in which it can be aligned."""
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret)
        inner = encoded[(8 * shift + 5) // 6 : 4 * ((shift + len(secret)) // 3)]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


def _forms(secret: str) -> frozenset[bytes]:
    raw = secret.encode()
    return frozenset({raw, quote(secret, safe="").encode(), raw.hex().encode(), *_in_base64(raw)})


FORMS: Final = frozenset().union(*map(_forms, CANARIES))


def found_in(data: bytes) -> bool:
    """Whether a canary is in `data`, in any form."""
    return any(form in data for form in FORMS)


def found_below(folder: Path) -> list[Path]:
    """Return the files below `folder` that hold a canary, or have it in their names; not those that tests made so.

    A file that a test itself fills with a token, to be read by --token-file, is named `token`.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path.name != "token"]
    return [path for path in files if found_in(str(path).encode()) or found_in(path.read_bytes())]
