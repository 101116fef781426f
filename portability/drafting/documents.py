"""Documents: which columns name or hold them, and the version that each document of a draft gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.drafting.feeds import Expression, Feed
from portability.drafting.survey import identifier
from portability.duck import text_literal

if TYPE_CHECKING:
    from portability.drafting.context import Context
    from portability.drafting.survey import SurveyedColumn, SurveyedTable

__all__ = ["Storage", "add_versions", "find_storage", "settle_versions"]

_DERIVED_SCORE = 0.4
_FILE_NAMES = ({"file_name"}, {"location"})


@dataclass(frozen=True, kw_only=True)
class Storage:
    """One entry of ``documents:``. ``kind`` is path, lob or url."""

    name: str
    table: SurveyedTable
    kind: str
    column: str
    size: str | None = None
    md5: str | None = None
    file_name: str | None = None
    confidence: str = "medium"


def find_storage(context: Context) -> list[Storage]:
    """Find the columns of documents and their versions that name or hold bytes; one for each table."""
    tables = [
        feed.table for name in ("document", "document_version") for feed in context.feeds.of(name) if not feed.derived
    ]
    sure = [storage for table in tables for storage in [_storage(table, _likely(table))] if storage]
    if sure:
        return sure
    # Nothing says where the bytes are; a file's name may be its path.
    return [storage for table in tables for storage in [_storage(table, _file_names(table))] if storage]


def _likely(table: SurveyedTable) -> list[tuple[SurveyedColumn, str, str]]:
    """Columns with what they hold and how sure that is: bytes before a path, a path before a link."""
    columns = table.columns.values()
    texts = [column for column in columns if column.kind == "VARCHAR"]
    found = [(column, "lob", "medium") for column in columns if column.is_bytes]
    found += [
        (column, "path", "medium")
        for column in texts
        if "path" in column.words and not {"folder", "name"} & set(column.words)
    ]
    return found + [(column, "url", "medium") for column in texts if "url" in column.words]


def _file_names(table: SurveyedTable) -> list[tuple[SurveyedColumn, str, str]]:
    texts = [column for column in table.columns.values() if column.kind == "VARCHAR"]
    return [(column, "path", "low") for words in _FILE_NAMES for column in texts if set(column.words) == words]


def _storage(table: SurveyedTable, choices: list[tuple[SurveyedColumn, str, str]]) -> Storage | None:
    if not choices:
        return None
    column, kind, confidence = next((choice for choice in choices if choice[0].non_null), choices[0])
    return Storage(
        name=table.name,
        table=table,
        kind=kind,
        column=column.name,
        size=_beside(table, {"size"}) if kind == "path" else None,
        md5=_beside(table, {"md5"}) if kind == "path" else None,
        file_name=_beside(table, {"file_name"}) if kind == "lob" else None,
        confidence=confidence,
    )


def _beside(table: SurveyedTable, words: set[str]) -> str | None:
    return next(
        (column.name for column in table.columns.values() if set(column.words) - set(table.words) == words), None
    )


def add_versions(context: Context, storages: list[Storage]) -> None:
    """Give each document the version that its storage makes; a table of versions gets its bytes."""
    by_place = {storage.table.place: storage for storage in storages}
    for feed in list(context.feeds.of("document")):
        storage = by_place.get(feed.table.place)
        if storage is None or feed.derived or not feed.table.key:
            continue
        version = Feed(
            entity="document_version",
            table=feed.table,
            score=_DERIVED_SCORE,
            reason=f"{storage.kind} {storage.column}",
            derived=True,
        )
        version.given["version_number"] = Expression(
            sql="1", reason="the table holds one version of each document", confidence="medium"
        )
        context.feeds.add(version)
    for feed in context.feeds.of("document_version"):
        storage = by_place.get(feed.table.place)
        if storage is not None:
            _attach(feed, storage)


def _attach(feed: Feed, storage: Storage) -> None:
    """Let a version find its bytes: in the list of documents by path or URL, or in the column itself."""
    column = f"t.{identifier(storage.column)}"
    reason, confidence = f"{storage.kind} {storage.column}", storage.confidence
    if storage.kind == "lob":
        sha256 = f"t.{identifier(storage.column + '__file')}.sha256"
        available = f"CASE WHEN {sha256} IS NULL THEN 'missing_in_source' ELSE 'present' END"
        feed.given["file_sha256"] = Expression(
            sql=sha256, reason=reason, confidence=confidence, columns=(storage.column,)
        )
    else:
        if storage.kind == "url":
            feed.where = f"trim({column}) <> ''"
        feed.join = f"LEFT JOIN documents AS d ON d.source = {text_literal(storage.name)} AND d.locator = {column}"
        available = "coalesce(d.availability, 'missing_in_source')"
        feed.given["file_sha256"] = Expression(sql="d.sha256", reason=reason, confidence=confidence)
        feed.given["source_path"] = Expression(
            sql=column, reason=reason, confidence=confidence, columns=(storage.column,)
        )
    feed.given["availability"] = Expression(sql=available, reason=reason, confidence=confidence)


def settle_versions(context: Context) -> None:
    """Fill the reference of a version to the document of the same row."""
    for feed in context.feeds.of("document_version"):
        if feed.derived:
            sql = context.feeds.id_sql("document", feed.table, feed.table.key, "t")
            feed.given["document_id"] = Expression(sql=sql, reason="the same row", confidence="high")
