"""Credentials: a token from a file, from standard input or from the environment, never from an argument."""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from headrace.cli import terminal
from headrace.errors import CredentialsError, UsageError
from headrace.model import Secret
from headrace.provider import Login, Provider

_LONGEST: Final = 8192
"""Characters of a token that are read at most; more is no token."""


def token(
    provider: Provider, file: Path | None, *, from_stdin: bool, environ: Mapping[str, str] = os.environ
) -> Secret | Login:
    """Return the token, or where an e-mail address is set that gets one, what to sign in with.

    Then it is the password that comes from the file or from standard input. Raises `CredentialsError` where there is
    none, `UsageError` where there are two sources.
    """
    email = environ.get(variable(provider, "EMAIL"), "") if provider.auth.sign_in else ""
    if not email or environ.get(variable(provider, "TOKEN")):
        return _secret(provider, "TOKEN", file, from_stdin=from_stdin, environ=environ)
    return Login(email, _secret(provider, "PASSWORD", file, from_stdin=from_stdin, environ=environ))


def _secret(
    provider: Provider, what: str, file: Path | None, *, from_stdin: bool, environ: Mapping[str, str]
) -> Secret:
    if file is not None and from_stdin:
        raise UsageError("--token-file and --token-stdin exclude each other", hint="give one of them")
    name = variable(provider, what)
    if file is not None:
        return _token(_read(file), f"the file {file}")
    if from_stdin:
        return _token(sys.stdin.readline(_LONGEST + 1), "standard input")
    if name not in environ:
        either = ""
        if provider.auth.sign_in and what == "TOKEN":
            either = f" or {variable(provider, 'EMAIL')} and {variable(provider, 'PASSWORD')}"
        raise CredentialsError(
            f"there is no {what.lower()} for {provider.name}",
            hint=f"set {name}{either}, or give --token-file PATH or --token-stdin",
        )
    return _token(environ[name], name)


def organization(provider: Provider, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the organization. Raises `CredentialsError` where the provider needs one and there is none."""
    name = variable(provider, "ORGANIZATION")
    found = environ.get(name, "").strip()
    if not found and provider.auth.needs_organization:
        raise CredentialsError(f"there is no organization for {provider.name}", hint=f"set {name} to its id")
    return found or None


def variable(provider: Provider, what: str) -> str:
    """Return the name of the environment variable that holds `what`."""
    return f"HEADRACE_{provider.name.upper()}_{what}"


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as stream:
            if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
                terminal.say(f"warning: others can read {file}; chmod 600 it")
            return stream.readline(_LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise CredentialsError(f"the token file {file} cannot be read: {reason}", hint="check the path") from None


def _token(text: str, source: str) -> Secret:
    """Return `text` as a token. One that no header can carry is refused, without being shown."""
    bare = text.strip()
    if not bare:
        raise CredentialsError(f"the token in {source} is empty", hint="it is the first line")
    if len(bare) > _LONGEST or not (bare.isascii() and bare.isprintable()):
        raise CredentialsError(f"what {source} holds is no token", hint="a token is one line of plain characters")
    return Secret(bare)
