"""The successor: a made-up modern practice system, shaped unlike the practice, for trying a whole move.

`create` makes its tables, with the rows that the system brings itself, in an existing empty database. What moves into
it is told by the profile `successor`.
"""

from __future__ import annotations

from .creating import create
from .statements import DIALECTS, schema_statements

__all__ = ["DIALECTS", "create", "schema_statements"]
