"""What a vendor does not publish: where its API is and what its fields are called, said by the user and checked."""

from pathlib import Path

import pytest

from headrace.address import base_url_of, check_address, check_told
from headrace.errors import SourceError, UsageError
from headrace.importfile import check_import, read_import
from headrace.providers import PROVIDERS

AGILED, PRODUCTIVE = PROVIDERS["agiled"], PROVIDERS["productive"]
HERE = "https://acme.example/public/v1"


def refusal(tmp_path: Path, text: str, provider: str = "agiled") -> SourceError:
    path = tmp_path / "import.toml"
    path.write_text(f'provider = "{provider}"\nname = "x"\n{text}\n[[load]]\nresource = "tasks"\nsource = "t.csv"\n')
    with pytest.raises(SourceError) as caught:
        check_import(read_import(path), PROVIDERS[provider], path)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[provider_settings]\nupdate_method = 'POST'", 4, "update_method: invalid enum value"),
        ("[provider_settings]\nupdate = 'PUT'", 4, "no setting 'update'"),
        ("[provider_fields.task]\ntitle = 'name'", 3, "no resource 'task'"),
        ("[provider_fields.tasks]\ntitel = 'name'", 4, "no field 'titel'"),
        ("[provider_fields.tasks]\ntitle = ' '", 4, "no name of a field"),
        ("[provider_fields.tasks]\ntitle = 'status'", 4, "cannot both be called"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    """A setting or name that the provider does not leave open is an error with its place."""
    found = refusal(tmp_path, text)
    assert says in found.message
    assert found.line == line
    if "provider_fields" in text:
        assert "publishes" in refusal(tmp_path, "[provider_fields.tasks]\ntitle = 'name'", "productive").message
    assert "has no settings" in refusal(tmp_path, "[provider_settings]\nx = 1", "productive").message


def test_the_base_url_comes_from_the_nearest_place() -> None:
    """The command line goes before the file, the file before the environment, that before the table."""
    environ = {"HEADRACE_AGILED_BASE_URL": "https://env.example"}
    assert base_url_of(AGILED, "https://a.example/", "https://b.example", environ=environ) == (
        "https://a.example/public/v1"
    )
    assert base_url_of(AGILED, None, f"{HERE}/", environ=environ) == HERE
    assert base_url_of(AGILED, None, None, environ=environ) == "https://env.example/public/v1"
    assert base_url_of(PRODUCTIVE, None, environ={}) == PRODUCTIVE.base_url
    with pytest.raises(UsageError, match="no base URL of its own") as caught:
        base_url_of(AGILED, None, environ={})
    assert caught.value.hint is not None
    assert "API settings page" in caught.value.hint


def test_a_file_alone_does_not_say_where_the_token_goes() -> None:
    """Where no host is known, an import file's address needs the user's word; the user's own does not."""
    check_address(AGILED, HERE, allow_host=False, limits=True)
    with pytest.raises(UsageError, match="would get your token"):
        check_told(AGILED, HERE, allow_host=False, environ={})
    check_told(AGILED, HERE, allow_host=True, environ={})
    check_told(AGILED, HERE, allow_host=False, environ={"HEADRACE_AGILED_BASE_URL": "https://acme.example"})
    check_told(AGILED, "http://127.0.0.1:8400", allow_host=False, environ={})
    check_told(PRODUCTIVE, HERE, allow_host=False, environ={})  # its hosts are known, and checked as such
    with pytest.raises(UsageError, match="not a host of productive"):
        check_address(PRODUCTIVE, HERE, allow_host=False, limits=True)
    with pytest.raises(UsageError, match="plain http"):
        check_address(AGILED, "http://acme.example/public/v1", allow_host=False, limits=True)
