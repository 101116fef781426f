"""What a DBMS or SQLAlchemy raises, as a CatalogueError: its first line only, never an address or a bound value."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, IntegrityError, NoSuchModuleError, OperationalError, SQLAlchemyError

from portability.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["translated"]

_BUSY = ("database is locked", "lock timeout", "database table is locked")
_DAMAGED = ("malformed", "not a database", "disk image")


@contextmanager
def translated(label: str) -> Iterator[None]:
    """Turn what comes out of the block into a CatalogueError that names the catalogue."""
    try:
        yield
    except DBAPIError as error:
        raise _of_the_dbms(error, label) from error
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        hint = "pip install 'portability[service,postgresql]'"
        raise CatalogueError("the DBMS's driver is not installed", place=label, hint=hint) from error
    except SQLAlchemyError as error:
        raise CatalogueError(f"cannot be used ({type(error).__name__})", place=label) from error


def _of_the_dbms(error: DBAPIError, label: str) -> CatalogueError:
    text = (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]
    if any(word in text for word in _BUSY):
        hint = "Another process is writing to it; try again."
        return CatalogueError("the catalogue is busy", place=label, hint=hint)
    if any(word in text for word in _DAMAGED):
        hint = "Put back a copy, then compare it with the last anchored checkpoint: portability audit verify."
        return CatalogueError(f"the catalogue is damaged: {text}", place=label, hint=hint)
    if isinstance(error, IntegrityError):
        return CatalogueError(f"the catalogue refuses it: {text}", place=label)
    hint = "Is its server running, and may this user use it?" if isinstance(error, OperationalError) else ""
    return CatalogueError(text, place=label, hint=hint)
