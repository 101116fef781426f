"""PostgreSQL's large objects as one more table: ``loid``, as columns of the firm's tables name them, and ``data``.

``pg_largeobject`` itself is for superusers. An account reads the objects that it has SELECT on by ``lo_get`` and asks
``lo_open`` and ``lo_lseek64`` for their lengths, which load nothing, write nothing, and see the transaction's snapshot.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from portability.connectors.connector import UNREADABLE
from portability.manifest import Column, Key, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from portability.connectors.carrying import Carrying

__all__ = ["LARGE_OBJECT", "RELATION", "is_large_objects", "large_object_table", "object_of", "octets_sql"]

# The native type of ``data``; a type that somebody makes is never printed so, but in quotation marks.
LARGE_OBJECT = "large object"
RELATION = "(SELECT oid AS loid, oid AS data FROM pg_catalog.pg_largeobject_metadata)"
_NAME = "large_objects"  # not pg_largeobject, which every session would take for the catalogue's own
_NAMED_MAX = 10  # of objects that may not be read
_READ_MODE = 0x40000  # INV_READ
_VALUE = re.compile(r"lo_get\((.+)\)")

# As the server itself decides (pg_largeobject_aclcheck_snapshot); an owner may have taken the right from himself.
_MAY_READ = """current_setting('lo_compat_privileges')::boolean
 OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
 OR EXISTS (SELECT FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) a
  WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))"""
_BARRED = f"""SELECT count(*), (array_agg(m.oid::bigint ORDER BY m.oid))[1:{_NAMED_MAX}]
 FROM pg_catalog.pg_largeobject_metadata m WHERE NOT ({_MAY_READ})"""


def large_object_table(query: Callable[[str], list[tuple[Any, ...]]], taken: Collection[tuple[str, str]]) -> Table:
    """Describe the table of a database that has large objects; ``taken`` are its own tables and views."""
    name = _NAME
    while ("public", name) in taken:
        name += "_"
    ((barred, named),) = query(_BARRED)
    reason = None
    if barred:
        more = f" and {barred - len(named)} more" if barred > len(named) else ""
        reason = f"{UNREADABLE}: large object {', '.join(map(str, named))}{more}"
    return Table(
        schema="public",
        name=name,
        columns=(
            Column(name="loid", position=1, native_type="oid", nullable=False),
            Column(name="data", position=2, native_type=LARGE_OBJECT, nullable=False, reason=reason),
        ),
        primary_key=Key(name=f"{name}_pkey", columns=("loid",)),
    )


def is_large_objects(table: Table) -> bool:
    """Tell whether the rows of a table are large objects."""
    return any(column.native_type == LARGE_OBJECT for column in table.columns)


def object_of(carrying: Carrying) -> str | None:
    """SQL of the large object whose content is carried; None where something else is."""
    found = _VALUE.fullmatch(carrying.value)
    return found[1] if found else None


def octets_sql(large_object: str) -> str:
    """SQL of a large object's length; each step is a query of its own, so that each call happens once, in order."""
    opened = f"SELECT lo_open({large_object}, {_READ_MODE}) AS fd"
    sought = f"SELECT o.fd, lo_lseek64(o.fd, 0, 2) AS octets FROM ({opened}) o"
    closed = f"SELECT s.octets, lo_close(s.fd) AS zero FROM ({sought}) s"
    return f"(SELECT c.octets + c.zero FROM ({closed}) c)"
