"""Triggers that let rows only be added, at the end, for migrations to set up in either DBMS."""

from __future__ import annotations

from alembic import op

__all__ = ["guard_append_only"]

_SQLITE = (
    """CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END""",
    """CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END""",
    """CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table}
    WHEN NEW.{key} IS NOT (SELECT COALESCE(MAX({key}), 0) + 1 FROM {table})
    BEGIN SELECT RAISE(ABORT, '{table} grows at its end only'); END""",
)
_POSTGRESQL = (
    """CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP <> 'INSERT' THEN RAISE EXCEPTION '{table} is append-only'; END IF;
    IF NEW.{key} IS DISTINCT FROM (SELECT COALESCE(MAX({key}), 0) + 1 FROM {table}) THEN
    RAISE EXCEPTION '{table} grows at its end only'; END IF; RETURN NEW; END $$""",
    """CREATE TRIGGER {table}_rows BEFORE INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {table}_guard()""",
    """CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_guard()""",
)


def guard_append_only(table: str, key: str) -> None:
    """Let a table's rows only be added, numbered from 1 without a gap by ``key``."""
    statements = _SQLITE if op.get_context().dialect.name == "sqlite" else _POSTGRESQL
    for statement in statements:
        op.execute(statement.format(table=table, key=key))
