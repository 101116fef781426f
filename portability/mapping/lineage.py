"""Which source columns a query uses, and for which of its outputs, by column lineage over the SQL itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from portability.errors import MappingError
from portability.mapping.views import source_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portability.manifest import SourceSchema

__all__ = ["DOCUMENT_COLUMNS", "trace_maps", "trace_queries"]

# Sidecars stand for the column whose name they extend.
SIDECARS = ("__file", "__typeof")
DOCUMENT_COLUMNS = (
    "source",
    "locator",
    "availability",
    "sha256",
    "size_bytes",
    "md5",
    "media_type",
    "problem",
)
CONDITION = "(condition)"


def trace_maps(maps: Mapping[str, str], source: SourceSchema) -> dict[tuple[str, str, str], set[str]]:
    """Return (schema, table, column) -> ``entity.field`` for all that a profile's maps use of a source.

    Raises:
        MappingError: SQL that cannot be parsed, or that names a table or column which is not there.
    """
    targets: dict[tuple[str, str, str], set[str]] = {}
    real, columns = _lookup(source)
    schema = MappingSchema(columns, dialect="duckdb")
    for entity, sql in maps.items():
        for place, output in _references(sql, schema, real, f"map/{entity}.sql"):
            targets.setdefault(place, set()).add(f"{entity}.{output}")
    return targets


def trace_queries(
    queries: Mapping[str, str], tables: Mapping[str, Sequence[str]], *, folder: str
) -> dict[tuple[str, str], set[str]]:
    """Return (table, column) -> ``query.output`` for all that queries over unqualified tables use.

    Raises:
        MappingError: SQL that cannot be parsed, or that names a column which is not there; the place is
            ``<folder>/<query>.sql``.
    """
    columns: dict[str, Any] = {"main": {name: dict.fromkeys(found, "text") for name, found in tables.items()}}
    real = {("main", t.lower(), c.lower()): ("main", t, c) for t, found in tables.items() for c in found}
    schema = MappingSchema(columns, dialect="duckdb")
    used: dict[tuple[str, str], set[str]] = {}
    for query, sql in queries.items():
        for (_, table, column), output in _references(sql, schema, real, f"{folder}/{query}.sql"):
            used.setdefault((table, column), set()).add(f"{query}.{output}")
    return used


def _references(
    sql: str, schema: MappingSchema, real: Mapping[tuple[str, str, str], tuple[str, str, str]], place: str
) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Yield ((schema, table, column), output field) for each source column that the query uses."""
    try:
        tree = qualify(
            sqlglot.parse_one(sql, dialect="duckdb"),
            schema=schema,
            db="main",
            dialect="duckdb",
            validate_qualify_columns=False,
            identify=False,
        )
        scopes = traverse_scope(tree)
    except (SqlglotError, RecursionError) as error:
        raise MappingError(f"cannot be traced: {str(error).splitlines()[0][:300]}", place=place) from error
    if not scopes:
        raise MappingError("is not a SELECT", place=place)
    aliases = {(id(scope), name.lower()): origin for scope in scopes for name, origin in scope.sources.items()}
    walker = _Walker(scopes, aliases, real)
    for name, expression in _outputs(scopes[-1]):
        for origin in walker.origins(expression, scopes[-1], frozenset()):
            yield origin, name
    for origin in walker.conditions():
        yield origin, CONDITION


def _lookup(source: SourceSchema) -> tuple[dict[tuple[str, str, str], tuple[str, str, str]], dict[str, Any]]:
    real: dict[tuple[str, str, str], tuple[str, str, str]] = {}
    # An unqualified name is a view of ours, even when a source table has the same name.
    schema: dict[str, Any] = {"main": {"documents": dict.fromkeys(DOCUMENT_COLUMNS, "text")}}
    views = source_view(source)
    for table in source.tables:
        if (table.schema, table.name) not in views:
            continue
        view_schema, view = views[table.schema, table.name]
        columns: dict[str, str] = {}
        for column in (c for c in table.columns if c.carried != "excluded"):
            for name in (column.name, *(column.name + sidecar for sidecar in SIDECARS)):
                columns[name] = "struct" if name.endswith("__file") else "text"
                real[view_schema.lower(), view.lower(), name.lower()] = (table.schema, table.name, column.name)
        schema.setdefault(view_schema, {})[view] = columns
    return real, schema


def _outputs(scope: Scope) -> Iterator[tuple[str, exp.Expr]]:
    """The result columns of a query; those of a union are named by its first part."""
    parts = _selects(scope.expression)
    if not parts:  # VALUES
        return
    names = [projection.alias_or_name for projection in parts[0].selects]
    for part in parts:
        own = [projection.alias_or_name for projection in part.selects] if _is_by_name(scope.expression) else names
        yield from zip(own, part.selects, strict=False)


def _is_by_name(expression: exp.Expr) -> bool:
    return isinstance(expression, exp.SetOperation) and bool(expression.args.get("by_name"))


def _selects(expression: exp.Expr) -> list[exp.Select]:
    if isinstance(expression, exp.SetOperation):
        return [*_selects(expression.left), *_selects(expression.right)]
    if isinstance(expression, exp.Subquery):
        return _selects(expression.this)
    return [expression] if isinstance(expression, exp.Select) else []


def _is_projected(column: exp.Column, scope: Scope) -> bool:
    node: exp.Expr = column
    while node.parent is not None and node.parent is not scope.expression:
        node = node.parent
    return node.arg_key == "expressions"


class _Walker:
    """Follows columns through scopes down to base tables."""

    def __init__(
        self,
        scopes: list[Scope],
        aliases: Mapping[tuple[int, str], Any],
        real: Mapping[tuple[str, str, str], tuple[str, str, str]],
    ) -> None:
        self._scopes = scopes
        self._aliases = aliases
        self._real = real
        self._by_expression = {id(scope.expression): scope for scope in scopes}
        self._memo: dict[tuple[int, str], frozenset[tuple[str, str, str]]] = {}

    def conditions(self) -> set[tuple[str, str, str]]:
        """The base columns outside of any select list: those that decide which rows there are."""
        found: set[tuple[str, str, str]] = set()
        for scope in self._scopes:
            for column in scope.columns:
                if not _is_projected(column, scope):
                    found |= self._origin(column, scope, frozenset())
        return found

    def origins(
        self, expression: exp.Expr, scope: Scope, seen: frozenset[tuple[int, str]]
    ) -> set[tuple[str, str, str]]:
        """The base columns that an expression is computed from."""
        found: set[tuple[str, str, str]] = set()
        for column in expression.find_all(exp.Column):
            found |= self._origin(column, self._scope_of(column, scope), seen)
        return found

    def _scope_of(self, column: exp.Expr, default: Scope) -> Scope:
        node: exp.Expr | None = column
        while node is not None:
            if id(node) in self._by_expression:
                return self._by_expression[id(node)]
            node = node.parent
        return default

    def _origin(
        self, column: exp.Column, scope: Scope | None, seen: frozenset[tuple[int, str]]
    ) -> frozenset[tuple[str, str, str]]:
        alias = (column.parts[0].name if len(column.parts) > 1 else column.table).lower()
        while scope is not None:
            target = self._aliases.get((id(scope), alias))
            if isinstance(target, exp.Table):
                return self._base(target, column.parts[1].name if len(column.parts) > 1 else column.name)
            if isinstance(target, Scope):
                return self._through(target, column.parts[1].name if len(column.parts) > 1 else column.name, seen)
            scope = scope.parent
        return frozenset()

    def _base(self, table: exp.Table, column: str) -> frozenset[tuple[str, str, str]]:
        place = self._real.get(((table.db or "main").lower(), table.name.lower(), column.lower()))
        return frozenset([place]) if place else frozenset()

    def _through(self, scope: Scope, name: str, seen: frozenset[tuple[int, str]]) -> frozenset[tuple[str, str, str]]:
        key = (id(scope), name.lower())
        if key in self._memo:
            return self._memo[key]
        if key in seen:  # a recursive query
            return frozenset()
        found: set[tuple[str, str, str]] = set()
        for output, expression in _outputs(scope):
            if output.lower() == name.lower():
                found |= self.origins(expression, self._scope_of(expression, scope), seen | {key})
        self._memo[key] = frozenset(found)
        return self._memo[key]
