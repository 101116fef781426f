"""What an export may contain: the scope document, the keys by which rows belong to what it names, and row filters.

Legal order of calls: ``load_scope`` -> ``plan_scope`` (over a discovered schema; no row is read) -> ``resolve_scope``
(in the export's snapshot) -> the filters go into every statement about their table.
"""

from portability.scoping.document import Dates, Named, Scope, canonical_scope, load_scope, parse_scope, scope_schema
from portability.scoping.filters import RowFilter, TableName
from portability.scoping.planning import PlannedTable, ScopePlan, plan_scope, section_problems
from portability.scoping.resolving import ScopedRows, resolve_scope

__all__ = [
    "Dates",
    "Named",
    "PlannedTable",
    "RowFilter",
    "Scope",
    "ScopePlan",
    "ScopedRows",
    "TableName",
    "canonical_scope",
    "load_scope",
    "parse_scope",
    "plan_scope",
    "resolve_scope",
    "scope_schema",
    "section_problems",
]
