"""R: canonical rows, quarantine, the ledger, documents and examples come from rows of the source layer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import yaml

from portability.archive import DOCUMENTS_PARQUET, EXCEPTIONS_PARQUET, FINDINGS_JSON
from portability.checks.case import open_regular
from portability.checks.provenance import untraced_rows
from portability.checks.sampling import sample
from portability.checks.scope.declared import PROFILE_YAML
from portability.checks.scope.links import matches
from portability.duck import quote, text_literal
from portability.formats.totals import scan_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.case import Case
    from portability.checks.scope.rows import Scoped
    from portability.manifest import Finding, Table

__all__ = ["check_canonical", "check_documents", "check_examples", "check_exceptions"]

_EXCEPTIONS = "E201"
_CUT = " ..."  # how a report ends an example that is too long


def check_canonical(case: Case, scoped: Scoped) -> None:
    """Rows of the canonical layer and of quarantine name rows of the archive's own source layer (R631)."""
    del scoped
    try:
        with case.engine.cursor() as cursor:
            for entity in case.model.entities:
                if "source_key" in entity.field_names:
                    key = entity.primary_key[0]
                    cursor.execute(f"CREATE TEMP VIEW {quote(entity.name)} AS {_all_rows(case, entity.name, key)}")
            for found in untraced_rows(cursor, case.model, case.source, case.data, case.limits.finding_examples):
                if found.count:
                    case.log.add("R631", found.place, found.examples, count=found.count)
    except duckdb.Error as error:
        case.log.add("R635", "tables/", [type(error).__name__])


def _all_rows(case: Case, entity: str, key: str) -> str:
    paths = [f"{folder}/{entity}.parquet" for folder in ("tables", "quarantine")]
    columns = f"{quote(key)}, source_key"
    parts = [f"SELECT {columns} FROM {scan_sql(case.data / path)}" for path in paths if path in case.tables]
    return " UNION ALL ".join(parts) or f"SELECT NULL::VARCHAR AS {quote(key)}, NULL::VARCHAR AS source_key WHERE false"


def check_exceptions(case: Case, scoped: Scoped) -> None:
    """Every value of the exceptions ledger is of a row of the archive (R632)."""
    ledger = scan_sql(case.data / EXCEPTIONS_PARQUET)
    try:
        named = case.engine.execute(f"SELECT DISTINCT table_schema, table_name FROM {ledger} ORDER BY ALL").fetchall()
        for schema, name in named:
            label = f"{schema}.{name}"
            table = scoped.net.tables.get(label)
            only = f"table_schema = {text_literal(schema)} AND table_name = {text_literal(name)}"
            rows = "" if table is None else _keys_as_json(case, table)
            lost = f"SELECT row_key FROM {ledger} WHERE {only}"
            if rows:
                lost += f" AND row_key NOT IN ({rows})"
            elif table is not None:
                continue  # a table without a key: its rows cannot be told apart
            found = sample(case.engine, lost, case.limits.finding_examples)
            if found.count:
                case.log.add("R632", label, count=found.count)
    except duckdb.Error as error:
        case.log.add("R635", EXCEPTIONS_PARQUET, [type(error).__name__])


def _keys_as_json(case: Case, table: Table) -> str:
    """SQL of the keys of a table's rows as the ledger writes them; empty when the table has no order."""
    schema = case.tables[table.file].schema
    names = table.order or (table.primary_key.columns if table.primary_key is not None else ())
    if not names or not set(names) <= set(schema.names):
        return ""
    aliases = [f"c{position}" for position in range(len(schema))]
    texts = ", ".join(f"CAST({aliases[schema.names.index(name)]} AS VARCHAR)" for name in names)
    return f"SELECT CAST(to_json([{texts}]) AS VARCHAR) FROM {scan_sql(case.data / table.file, aliases)}"


# --- documents -------------------------------------------------------------------------------------------------------


def check_documents(case: Case, scoped: Scoped) -> None:
    """Every document that is listed is named by a row of the archive (R633)."""
    listed = scan_sql(case.data / DOCUMENTS_PARQUET)
    try:
        known = {str(each.get("name")): each for each in _document_sources(case)}
        named = case.engine.execute(f"SELECT DISTINCT source FROM {listed} ORDER BY 1").fetchall()
        for (source,) in named:
            lost = f"SELECT locator FROM {listed} WHERE source = {text_literal(source)}"
            rows = _locators(case, scoped, known.get(source, {}))
            if rows is None:
                continue
            found = sample(case.engine, f"{lost} AND locator NOT IN ({rows})" if rows else lost, 1)
            if found.count:
                case.log.add("R633", f"{DOCUMENTS_PARQUET} {source}", count=found.count)
    except (duckdb.Error, yaml.YAMLError, AttributeError, TypeError) as error:
        case.log.add("R635", DOCUMENTS_PARQUET, [type(error).__name__])


def _document_sources(case: Case) -> list[dict[str, Any]]:
    if PROFILE_YAML not in case.payload.files:
        return []
    with open_regular(case.data / PROFILE_YAML) as stream:
        content = yaml.safe_load(stream.read(case.limits.tag_file_bytes_max))
    return list((content or {}).get("documents") or [])


def _locators(case: Case, scoped: Scoped, source: dict[str, Any]) -> str | None:
    """SQL of the locators that rows give; empty when no table can; None when an expression computes them.

    An expression is SQL of the archive's maker, which the verifier does not run: such documents are held against the
    canonical rows alone, which name them by their hash.
    """
    table = next((t for t in scoped.net.tables.values() if matches(t, str(source.get("table")))), None)
    if source.get("path_sql") is not None:
        return None
    if table is None:
        return ""
    if source.get("lob") is not None:
        return _keys_as_json(case, table) or None
    wanted = str(source.get("path") or source.get("url")).casefold()
    schema = case.tables[table.file].schema
    position = next((n for n, name in enumerate(schema.names) if name.casefold() == wanted), None)
    if position is None:
        return ""
    aliases = [f"c{number}" for number in range(len(schema))]
    scan = scan_sql(case.data / table.file, aliases)
    return f"SELECT c{position} FROM {scan} WHERE c{position} IS NOT NULL"


# --- findings --------------------------------------------------------------------------------------------------------


def check_examples(case: Case, scoped: Scoped) -> None:
    """What findings give as examples is in the archive: rows by their id or key, documents by their locator (R634)."""
    del scoped
    for finding in case.claimed.findings:
        try:
            lost = list(_lost_examples(case, finding))
        except duckdb.Error as error:
            case.log.add("R635", FINDINGS_JSON, [type(error).__name__])
            return
        if lost:
            case.log.add("R634", FINDINGS_JSON, [f"{finding.code} {finding.place}"], count=len(lost))


def _lost_examples(case: Case, finding: Finding) -> Iterator[str]:
    whole = [each for each in finding.examples if not each.endswith(_CUT)]
    if finding.code[0] == "E":
        # Whose keys those of the ledger are is asked by R632.
        rows = f"row_key FROM {scan_sql(case.data / EXCEPTIONS_PARQUET)}"
        documents = f"locator FROM {scan_sql(case.data / DOCUMENTS_PARQUET)}"
        known = _found(case, f"SELECT {rows if finding.code == _EXCEPTIONS else documents}", whole)
        yield from (each for each in whole if each not in known)
        return
    entity = finding.place.partition(".")[0].partition(" ")[0]
    if finding.code[0] not in "LM" or entity not in {each.name for each in case.model.entities}:
        return
    ids = {each: _id_of(finding.code, each) for each in whole}
    rows = _all_rows(case, entity, case.model.entity(entity).primary_key[0]).replace(", source_key", "")
    known = _found(case, rows.replace(", NULL::VARCHAR AS source_key", ""), list(ids.values()))
    yield from (each for each, key in ids.items() if key not in known)


def _id_of(code: str, example: str) -> str:
    """Take the id out of an example: ``ID: text`` of a value, ``ID -> key`` of a reference, else the id itself."""
    return example.partition({"M101": ": ", "M102": " -> "}.get(code, "\0"))[0]


def _found(case: Case, sql: str, wanted: list[str]) -> set[str]:
    values = json.dumps(wanted)
    sql = f"SELECT f.v FROM ({sql}) AS f(v) WHERE f.v IN (SELECT unnest(from_json(?, '[\"VARCHAR\"]')))"
    return {str(row[0]) for row in case.engine.execute(sql, [values]).fetchall()}
