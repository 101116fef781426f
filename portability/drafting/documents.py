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
# Columns by their words, in the order in which they are likely to say where the bytes are.
_PATHS = ({"path"}, {"path", "file"}, {"path", "document"}, {"file_name"}, {"location"})


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
    found = []
    for feed in [*context.feeds.of("document"), *context.feeds.of("document_version")]:
        if not feed.derived:
            storage = _storage(feed.table)
            if storage is not None:
                found.append(storage)
    return found


def _storage(table: SurveyedTable) -> Storage | None:
    blobs = [column for column in table.columns.values() if column.is_bytes]
    paths = [(column, "medium" if "path" in column.words else "low") for column in _path_columns(table)]
    urls = [column for column in table.columns.values() if column.kind == "VARCHAR" and "url" in column.words]
    choices = [(column, "lob", "medium") for column in blobs]
    choices += [(column, "path", confidence) for column, confidence in paths]
    choices += [(column, "url", "medium") for column in urls]
    if not choices:
        return None
    # The column that is filled most often says most; the bytes themselves before a path, a path before a link.
    column, kind, confidence = max(choices, key=lambda choice: choice[0].non_null)
    return Storage(
        name=table.table.name,
        table=table,
        kind=kind,
        column=column.name,
        size=_beside(table, {"size"}) if kind == "path" else None,
        md5=_beside(table, {"md5"}) if kind == "path" else None,
        file_name=_beside(table, {"file_name"}) if kind == "lob" else None,
        confidence=confidence,
    )


def _path_columns(table: SurveyedTable) -> list[SurveyedColumn]:
    texts = [column for column in table.columns.values() if column.kind == "VARCHAR"]
    for words in _PATHS:
        found = [column for column in texts if set(column.words) == words]
        if found:
            return found
    return []


def _beside(table: SurveyedTable, words: set[str]) -> str | None:
    return next((column.name for column in table.columns.values() if set(column.words) - set(table.words) == words), None)


def add_versions(context: Context, storages: list[Storage]) -> None:
    """Give each document the version that its storage makes; a table of versions gets its bytes."""
    by_place = {storage.table.place: storage for storage in storages}
    for feed in list(context.feeds.of("document")):
        storage = by_place.get(feed.table.place)
        if storage is None or feed.derived or not feed.table.key:
            continue
        version = Feed(
            entity="document_version", table=feed.table, score=_DERIVED_SCORE, reason=f"{storage.kind} {storage.column}", derived=True
        )
        version.given["version_number"] = Expression(sql="1", reason="the table holds one version of each document", confidence="medium")
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
        feed.given["file_sha256"] = Expression(sql=sha256, reason=reason, confidence=confidence, columns=(storage.column,))
    else:
        feed.join = f"LEFT JOIN documents AS d ON d.source = {text_literal(storage.name)} AND d.locator = {column}"
        available = "coalesce(d.availability, 'missing_in_source')"
        feed.given["file_sha256"] = Expression(sql="d.sha256", reason=reason, confidence=confidence)
        feed.given["source_path"] = Expression(sql=column, reason=reason, confidence=confidence, columns=(storage.column,))
    feed.given["availability"] = Expression(sql=available, reason=reason, confidence=confidence)


def settle_versions(context: Context) -> None:
    """Fill the reference of a version to the document of the same row."""
    for feed in context.feeds.of("document_version"):
        if feed.derived:
            sql = context.feeds.id_sql("document", feed.table, feed.table.key, "t")
            feed.given["document_id"] = Expression(sql=sql, reason="the same row", confidence="high")
