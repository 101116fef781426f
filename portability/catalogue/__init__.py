"""The catalogue: what the service remembers between runs, in SQLite or PostgreSQL, alike on both.

``open_catalogue`` refuses a schema that is not this program's and says what mends it. Every change goes through
``Catalogue.transaction``: one writer at a time, and whatever was committed survives a ``kill -9``. Statements are
SQLAlchemy Core's; each area's tables stand in a module ``<area>_tables`` here, with what reads and writes them beside
it, and nobody outside this package imports SQLAlchemy. See docs/catalogue.md.
"""

from __future__ import annotations

from portability.catalogue.address import CatalogueAddress, parse_address
from portability.catalogue.checking import CatalogueFacts, check_catalogue, upgrade_catalogue
from portability.catalogue.connection import Transaction
from portability.catalogue.documents import canonical_text, sha256_text
from portability.catalogue.holding import Hold
from portability.catalogue.moments import moment_text, now, parse_moment_text
from portability.catalogue.opening import Catalogue, open_catalogue

__all__ = [
    "Catalogue",
    "CatalogueAddress",
    "CatalogueFacts",
    "Hold",
    "Transaction",
    "canonical_text",
    "check_catalogue",
    "moment_text",
    "now",
    "open_catalogue",
    "parse_address",
    "parse_moment_text",
    "sha256_text",
    "upgrade_catalogue",
]
