"""Signing in: how somebody without a token gets one, and what with."""

from msgspec import Struct

from headrace.model import Secret


class SignIn(Struct, frozen=True, kw_only=True):
    """Where an e-mail and its password get a token: POST to `path`, under these names; it comes back as one of `token`.

    The token is as good as one that was given, and is used for one run.
    """

    path: str
    email: str = "email"
    password: str = "password"  # noqa: S105  # the name of a field
    token: tuple[str, ...] = ("token",)


class Login(Struct, frozen=True):
    """An e-mail address and its password."""

    email: str
    password: Secret
