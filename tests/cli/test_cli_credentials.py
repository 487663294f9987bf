"""Credentials: where a token may come from, and that it shows nowhere."""

import io
from pathlib import Path

import pytest

from headrace.cli import credentials
from headrace.errors import CredentialsError, UsageError
from headrace.model import Secret
from headrace.provider import Login
from headrace.providers import PROVIDERS

PRODUCTIVE = PROVIDERS["productive"]
SECRET = "canary-5f1e"


def test_the_environment_gives_a_token() -> None:
    """HEADRACE_<PROVIDER>_TOKEN is the token."""
    found = credentials.token(PRODUCTIVE, None, from_stdin=False, environ={"HEADRACE_PRODUCTIVE_TOKEN": f" {SECRET}\n"})
    assert found.reveal() == SECRET


def test_a_file_goes_before_the_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--token-file is read to the end of its first line; nothing is said about a file that is private."""
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\nsecond line\n")
    file.chmod(0o600)
    found = credentials.token(PRODUCTIVE, file, from_stdin=False, environ={"HEADRACE_PRODUCTIVE_TOKEN": "other"})
    assert found.reveal() == SECRET
    assert capsys.readouterr().err == ""


def test_a_file_that_others_can_read_is_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A token file of mode 0644 is taken, with the advice to make it 0600."""
    file = tmp_path / "token"
    file.write_text(SECRET)
    file.chmod(0o644)
    assert credentials.token(PRODUCTIVE, file, from_stdin=False, environ={}).reveal() == SECRET
    assert "chmod 600" in capsys.readouterr().err


def test_standard_input_gives_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """--token-stdin reads the first line."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\n"))
    assert credentials.token(PRODUCTIVE, None, from_stdin=True, environ={}).reveal() == SECRET


@pytest.mark.parametrize("value", ["", "   ", "\n", "a\x00b", "schlüssel", "x" * 9000])
def test_what_cannot_be_a_token_is_refused_unseen(value: str, tmp_path: Path) -> None:
    """An empty or impossible token is refused before it becomes a header, and is not shown."""
    file = tmp_path / "token"
    file.write_text(value, newline="")
    file.chmod(0o600)
    with pytest.raises(CredentialsError) as refusal:
        credentials.token(PRODUCTIVE, file, from_stdin=False, environ={})
    assert not value.strip() or value not in refusal.value.message


def test_no_token_names_the_remedy() -> None:
    """Without a token the error says what to set, and has exit code 6."""
    with pytest.raises(CredentialsError) as refusal:
        credentials.token(PRODUCTIVE, None, from_stdin=False, environ={})
    assert "HEADRACE_PRODUCTIVE_TOKEN" in (refusal.value.hint or "")
    assert refusal.value.exit_code == 6


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    """A token file that is not there is a credentials error."""
    with pytest.raises(CredentialsError, match="No such file"):
        credentials.token(PRODUCTIVE, tmp_path / "absent", from_stdin=False, environ={})


def test_two_sources_are_one_too_many(tmp_path: Path) -> None:
    """A file and standard input exclude each other."""
    with pytest.raises(UsageError):
        credentials.token(PRODUCTIVE, tmp_path / "token", from_stdin=True, environ={})


def test_the_organization_is_asked_for() -> None:
    """A provider that needs an organization gets it from the environment, or the error that names the variable."""
    assert credentials.organization(PRODUCTIVE, {"HEADRACE_PRODUCTIVE_ORGANIZATION": " 948 "}) == "948"
    with pytest.raises(CredentialsError) as refusal:
        credentials.organization(PRODUCTIVE, {})
    assert "HEADRACE_PRODUCTIVE_ORGANIZATION" in (refusal.value.hint or "")


def test_an_email_makes_the_secret_a_password(tmp_path: Path) -> None:
    """Where a provider gives tokens, e-mail and password do instead of one, from every source; a token goes before."""
    bezala, environ = PROVIDERS["bezala"], {"HEADRACE_BEZALA_EMAIL": "a@b.example"}
    file = tmp_path / "secret"
    file.write_text("from file\n")
    file.chmod(0o600)
    found = credentials.token(
        bezala, None, from_stdin=False, environ=environ | {"HEADRACE_BEZALA_PASSWORD": "from env"}
    )
    assert found == Login("a@b.example", Secret("from env"))
    assert credentials.token(bezala, file, from_stdin=False, environ=environ) == Login(
        "a@b.example", Secret("from file")
    )
    assert credentials.token(
        bezala, None, from_stdin=False, environ=environ | {"HEADRACE_BEZALA_TOKEN": "t"}
    ) == Secret("t")
    with pytest.raises(CredentialsError, match="no password for bezala"):
        credentials.token(bezala, None, from_stdin=False, environ=environ)
    with pytest.raises(CredentialsError) as caught:
        credentials.token(bezala, None, from_stdin=False, environ={})
    assert caught.value.hint is not None
    assert "HEADRACE_BEZALA_EMAIL" in caught.value.hint
