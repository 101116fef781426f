"""A connection to MariaDB or MySQL by the driver, its errors in our words."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from portability.connectors.mysql_errors import foreign_error
from portability.errors import ConfigError, ConnectorError, SourceUnavailableError

if TYPE_CHECKING:
    import pymysql

    from portability.connectors.url import SourceUrl

__all__ = ["OPTIONS", "connect", "load_driver"]

CONNECT_TIMEOUT_S = 15
READ_TIMEOUT_S = 3600  # a server that sorts a large table is silent for long
OPTIONS = frozenset({"connect_timeout", "read_timeout", "ssl_ca", "ssl_cert", "ssl_key", "unix_socket"})


def load_driver() -> Any:  # noqa: ANN401 -- the module
    """Return the driver's module.

    Raises:
        ConnectorError: It is not installed.
    """
    try:
        importlib.import_module("pymysql.cursors")
        return importlib.import_module("pymysql")
    except ImportError as error:
        hint = "Run: pip install 'portability[mysql]'"
        raise ConnectorError("the driver for MariaDB and MySQL is not installed", hint=hint) from error


def connect(driver: Any, url: SourceUrl) -> pymysql.Connection[Any]:  # noqa: ANN401 -- the module
    """Open a session whose values arrive as the server prints them.

    Raises:
        PortabilityError: There is none to be had, or the address is wrong.
    """
    options: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": READ_TIMEOUT_S} | url.options
    try:
        options |= {name: int(options[name]) for name in ("connect_timeout", "read_timeout")}
        connection: pymysql.Connection[Any] = driver.connect(
            host=url.host or "localhost",
            port=url.port or 3306,
            user=url.user or None,
            password=url.password or "",
            database=url.path,
            charset="utf8mb4",
            autocommit=True,
            program_name="portability",
            # No decoders: values arrive as the server prints them.
            conv=dict(driver.converters.encoders),
            **options,
        )
    except driver.err.Error as error:
        raise foreign_error(error, url.label) or error from None
    except ValueError:
        raise ConfigError("a timeout is not a number", place=url.label) from None
    except RuntimeError:
        hint = "Run: pip install cryptography"
        raise ConnectorError("the server's way of checking passwords needs another library", hint=hint) from None
    except OSError:
        hint = "Check the address and the files that it names."
        raise SourceUnavailableError("the server cannot be reached", place=url.label, hint=hint) from None
    return connection
