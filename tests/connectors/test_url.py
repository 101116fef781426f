"""Source addresses: their parts, and that no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from portability.connectors import parse_url
from portability.errors import ConfigError


def test_url_parts_are_unquoted() -> None:
    """User, password and database may hold any character, percent-encoded."""
    url = parse_url("postgresql://al%40ice:p%2Fw%23@db.example:5433/my%20db?sslmode=require&empty=")
    assert (url.scheme, url.host, url.port, url.path) == ("postgresql", "db.example", 5433, "my db")
    assert (url.user, url.password) == ("al@ice", "p/w#")
    assert url.options == {"sslmode": "require", "empty": ""}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///rel/a.db", "rel/a.db"),
        ("sqlite:////abs/a.db", "/abs/a.db"),
        ("sqlite:////abs/a#1@b.db", "/abs/a#1@b.db"),
        ("sqlite:///what%3F.db", "what?.db"),
    ],
)
def test_url_of_a_file_keeps_its_path(text: str, path: str) -> None:
    """Three slashes are relative, four absolute; # and @ are letters like others."""
    url = parse_url(text)
    assert url.path == path
    assert url.label == f"sqlite:///{path}"


def test_url_label_and_repr_hide_the_password() -> None:
    """What people see never holds it, nor an option's value."""
    url = parse_url("mysql://root:hunter2@localhost/db?ssl_ca=/x")
    assert url.label == "mysql://root@localhost/db"
    assert "hunter2" not in repr(url)


def test_url_takes_parts_from_the_environment_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value from the environment needs no percent-encoding, whatever it holds."""
    monkeypatch.setenv("PW", "a@b/c?d#e:f%20 g")
    assert parse_url("mysql://u:${PW}@h/db").password == "a@b/c?d#e:f%20 g"


def test_url_may_come_from_the_environment_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """As hosting services give it."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p%40@h/db")
    assert parse_url("${DATABASE_URL}").password == "p@"


def test_url_that_names_an_unset_variable_is_refused() -> None:
    """The variable's name is told."""
    with pytest.raises(ConfigError, match="PORTABILITY_NO_SUCH_VARIABLE is not set"):
        parse_url("mysql://u:${PORTABILITY_NO_SUCH_VARIABLE}@h/db")


def test_url_password_is_read_from_a_file(tmp_path: Path) -> None:
    """The line's end is not part of it."""
    (tmp_path / "pw").write_text("s3 cret\n", encoding="utf-8")
    url = parse_url(f"mysql://u@h/db?password_file={tmp_path}/pw")
    assert url.password == "s3 cret"
    assert url.options == {}


def test_url_with_a_missing_password_file_is_refused(tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        parse_url(f"mysql://u@h/db?password_file={tmp_path}/none")
    assert caught.value.place.endswith("none")


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "/srv/file.db",
        "mysql://u:hunter2@host:port/db",
        "mysql://u:hun/ter2@host/db",
        "mysql://u:hun#ter2@host/db",
        "mysql://u:1?hunter2@host/db",
        "mysql://u:hunter2@[::1/db",
        "mysql:hunter2",
    ],
)
def test_url_that_cannot_be_parsed_is_refused_without_showing_it(text: str) -> None:
    """Any piece of a wrongly cut address might be a password."""
    with pytest.raises(ConfigError) as caught:
        parse_url(text)
    shown = f"{caught.value} {caught.value.hint} {caught.value.place}"
    assert not any(piece in shown for piece in ("hunter2", "ter2", "hun/", "hun#"))
