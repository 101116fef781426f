"""The registry: which connector serves an address."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from portability import connectors
from portability.connectors import BUILT_IN, known_schemes, open_connector
from portability.connectors.sqlite import SqliteConnector
from portability.errors import ConfigError, ConnectorError


def announce(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Let a third party's package announce a connector."""
    found = EntryPoints([EntryPoint(name=name, value=value, group=connectors.GROUP)])
    monkeypatch.setattr(connectors, "entry_points", lambda **_: found)


@pytest.mark.parametrize("scheme", BUILT_IN)
def test_registry_serves_each_built_in_scheme_by_a_class_that_claims_it(scheme: str) -> None:
    """The table and the classes agree."""
    connector = open_connector(f"{scheme}:///x")
    assert scheme in connector.schemes


def test_registry_refuses_an_unknown_scheme_and_lists_the_known() -> None:
    """A typing error is mended by reading the message."""
    with pytest.raises(ConfigError, match="no connector knows") as caught:
        open_connector("postgre://u:hunter2@h/db")
    assert "postgresql" in caught.value.hint
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


def test_registry_finds_the_connector_of_a_third_party(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An entry point is enough."""
    announce(monkeypatch, "mine", "portability.connectors.sqlite:SqliteConnector")
    assert isinstance(open_connector(f"mine:///{tmp_path}"), SqliteConnector)


def test_registry_refuses_a_scheme_that_two_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is overwritten silently."""
    announce(monkeypatch, "sqlite", "other.module:Connector")
    with pytest.raises(ConfigError, match="two connectors claim it"):
        known_schemes()


@pytest.mark.parametrize("value", ["no.such.module:Connector", "portability.errors:NoSuchClass"])
def test_registry_tells_which_connector_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A broken package is named, not traced."""
    announce(monkeypatch, "mine", value)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        open_connector("mine:///x")


@pytest.mark.parametrize(("scheme", "extra"), [("postgresql", "postgresql"), ("mysql", "mysql")])
def test_connector_without_its_driver_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, scheme: str, extra: str
) -> None:
    """The pip command is the hint."""
    connector = open_connector(f"{scheme}://u@localhost/db")

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ConnectorError, match="not installed") as caught, connector.snapshot():
        pass
    assert caught.value.hint == f"Run: pip install 'portability[{extra}]'"


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_connector_refuses_an_address_without_a_database(scheme: str) -> None:
    """The server's default would be somebody's guess."""
    with pytest.raises(ConfigError, match="names no database"), open_connector(f"{scheme}://u@localhost").snapshot():
        pass


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_connector_refuses_an_unknown_option(scheme: str) -> None:
    """A misspelt option would silently do nothing."""
    with (
        pytest.raises(ConfigError, match="unknown option slmode"),
        open_connector(f"{scheme}://u@localhost/db?slmode=x").snapshot(),
    ):
        pass


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_connector_to_a_server_that_is_not_there_is_unavailable(scheme: str) -> None:
    """Trying again may help; neither password nor option is shown."""
    connector = open_connector(f"{scheme}://u:hunter2@127.0.0.1:1/db?connect_timeout=2")
    with pytest.raises(ConnectorError, match="cannot be reached") as caught, connector.snapshot():
        pass
    assert caught.value.retryable
    assert caught.value.place == f"{scheme}://u@127.0.0.1:1/db"
    assert "hunter2" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"
