"""Collecting the items of one contact from an archive, each with the reasons for which it must be looked at first."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from portability.archive import document_path
from portability.duck import open_engine, quote, text_literal
from portability.errors import ConfigError, FormatError
from portability.formats.totals import scan_sql
from portability.limits import DEFAULT_LIMITS, Limits
from portability.model import load_model
from portability.streams import digest_file
from portability.subject_access.items import DOCUMENT, Item, Value
from portability.subject_access.keys import find_rows, person_ids
from portability.subject_access.mentions import Marks, OtherMarks, find_mentions, own_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portability.archive import Archive
    from portability.model import Entity, Field, Model

__all__ = ["Collection", "collect"]

_MANIFEST = "manifest-sha256.txt"
_ADDRESS = re.compile(r"[^\s<>;,@\"'\[\]]+@[^\s<>;,@\"'\[\]]+")
_LEFT_OUT = {"source_system", "source_key", "created_by_id", "updated_by_id", "created_at", "updated_at", "is_deleted"}


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Everything found of a person: ``archive`` is the hash of its manifest, ``people`` the contact and its doubles."""

    archive: str
    contact: str
    name: str
    people: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def flagged(self) -> tuple[Item, ...]:
        """The items that somebody has to decide on."""
        return tuple(item for item in self.items if item.flags)


def collect(
    archive: Archive,
    contact: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[str], None] = lambda _: None,
) -> Collection:
    """Find all personal data of a contact.

    Raises:
        ConfigError: There is no canonical layer or no such contact, or more is found than a person can look through.
        FormatError: A file cannot be read.
    """
    files = archive.entity_files()
    if "contact" not in files:
        hint = "Subject access needs the canonical layer: export with the profile of the system."
        raise ConfigError("the archive has no contacts", place=archive.root.name, hint=hint)
    with (
        tempfile.TemporaryDirectory(prefix="portability-subject-") as scratch,
        open_engine(limits, scratch=Path(scratch), folders=[archive.data]) as engine,
    ):
        try:
            for name, path in files.items():
                engine.execute(f"CREATE VIEW {quote(name)} AS SELECT * FROM {scan_sql(path)}")
            search = _Search(archive, engine, set(files), limits, progress)
            people = person_ids(engine, contact)
            if not people:
                hint = 'Ask for its id: portability query ARCHIVE "SELECT id, display_name FROM contact"'
                raise ConfigError("there is no such contact", place=f"--contact {contact}", hint=hint)
            items = search.items(people)
        except duckdb.Error as error:
            raise FormatError(f"cannot be read: {type(error).__name__}", place=archive.root.name) from error
    return Collection(
        archive=digest_file(archive.root / _MANIFEST).sha256,
        contact=contact,
        name=search.name,
        people=tuple(people),
        items=tuple(items),
    )


class _Search:
    """One search; ``items`` once."""

    name = ""

    def __init__(
        self,
        archive: Archive,
        engine: duckdb.DuckDBPyConnection,
        present: set[str],
        limits: Limits,
        progress: Callable[[str], None],
    ) -> None:
        self._archive, self._engine, self._limits, self._progress = archive, engine, limits, progress
        self._model: Model = load_model()
        self._present = present & {entity.name for entity in self._model.entities}

    def items(self, people: list[str]) -> list[Item]:
        """Find, read and flag."""
        engine, limit = self._engine, self._limits.subject_items_max
        self._progress("following keys")
        rows = find_rows(engine, self._model, self._present, people)
        self._check(len(rows))
        self._people = set(people)
        self._clients = self._own("client", "contact_id")
        marks = own_marks(engine, self._present, people)
        self._known = OtherMarks(engine, self._present, people)
        found: list[Item] = []
        paths = {(row.entity, row.id): row.path for row in rows}
        for entity in sorted({row.entity for row in rows}):
            self._progress(f"reading {entity}")
            ids = [row.id for row in rows if row.entity == entity]
            found += self._read(self._model.entity(entity), ids, paths, marks)
        found += self._documents(found)
        self._progress("looking for the name in texts")
        for entity, key, name in find_mentions(engine, self._model, self._present, marks, limit):
            path = {(entity, key): f"named in {entity}.{name}"}
            for item in self._read(self._model.entity(entity), [key], path, marks):
                found.append(
                    replace(item, ground="mention", flags=(*item.flags, "mention"), why=(*item.why, path[entity, key]))
                )
            self._check(len(found))
        contact = next((item for item in found if item.entity == "contact" and item.id == people[0]), None)
        self.name = next((v.text for v in contact.values if v.name == "display_name"), "") if contact else ""
        return found

    def _check(self, count: int) -> None:
        if count > self._limits.subject_items_max:
            hint = "Export a scope of this contact first, or raise limits.subject_items_max."
            raise ConfigError(
                f"more than {self._limits.subject_items_max} items were found", place="contact", hint=hint
            )

    def _own(self, entity: str, field: str) -> set[str]:
        if entity not in self._present:
            return set()
        people = ", ".join(text_literal(each) for each in sorted(self._people))
        sql = f"SELECT id FROM {quote(entity)} WHERE {quote(field)} IN ({people})"
        return {str(row[0]) for row in self._engine.execute(sql).fetchall()}

    # --- rows --------------------------------------------------------------------------------------------------------

    def _read(self, entity: Entity, ids: list[str], paths: dict[tuple[str, str], str], marks: Marks) -> Iterator[Item]:
        key = entity.primary_key[0]
        names = ", ".join(f"CAST({quote(f.name)} AS VARCHAR)" for f in entity.fields)
        wanted = "SELECT unnest(from_json(?, '[\"VARCHAR\"]'))"
        sql = f"SELECT {names} FROM {quote(entity.name)} WHERE {quote(key)} IN ({wanted}) ORDER BY {quote(key)}"
        result = self._engine.execute(sql, [json.dumps(ids)])
        position = [f.name for f in entity.fields].index(key)
        rows = result.fetchall()
        for row in rows:
            path = paths[entity.name, str(row[position])]
            yield self._item(entity, str(row[position]), row, path, marks)

    def _item(self, entity: Entity, key: str, row: tuple[str | None, ...], path: str, marks: Marks) -> Item:
        values, staff = [], 0
        pairs = [(each, str(text)) for each, text in zip(entity.fields, row, strict=True) if text not in (None, "")]
        for each, text in pairs:
            if each.ref == "user":
                staff += 1  # who of the firm did it is the colleague's data, not the person's
            elif each.name not in _LEFT_OUT:
                values.append(Value(name=each.name, text=text, pd=each.pd))
        why = list(self._others(entity, pairs, marks))
        privileged = [f"{each.name} is of class privileged" for each, _ in pairs if _is_privileged(each)]
        flags = (("others",) if why else ()) + (("privileged",) if privileged else ())
        ground = "the person" if entity.name == "contact" else "by keys"
        return Item(
            entity=entity.name,
            id=key,
            ground=ground,
            path=path,
            values=tuple(values),
            flags=flags,
            why=(*why, *privileged),
            staff=staff,
        )

    def _others(self, entity: Entity, pairs: list[tuple[Field, str]], marks: Marks) -> Iterator[str]:
        """Say in which fields of a row there are other people."""
        for each, text in pairs:
            if each.ref == "contact" and text not in self._people and each.name != "merged_into_id":
                yield f"{each.name} is another contact"
            elif each.ref == "client" and self._clients and text not in self._clients:
                yield f"{each.name} is another client"
            elif each.type in {"text", "string", "json"} and each.ref is None and each.name not in {"id", *_LEFT_OUT}:
                addresses = {address.lower() for address in _ADDRESS.findall(text)}
                if addresses - marks.words and entity.name != "contact_point":
                    yield f"{each.name} has another's e-mail address"
                elif self._known.is_in(text):
                    yield f"{each.name} names another contact"

    # --- documents ---------------------------------------------------------------------------------------------------

    def _documents(self, items: list[Item]) -> Iterator[Item]:
        """Every document that a found row holds: a version's file, an e-mail's."""
        seen: set[str] = set()
        for item in items:
            values = {value.name: value.text for value in item.values}
            for name in ("file_sha256", "eml_sha256"):
                sha256 = values.get(name)
                if sha256 is None or sha256 in seen:
                    continue
                seen.add(sha256)
                path = self._archive.data / document_path(sha256)
                if not path.is_file():
                    continue
                yield Item(
                    entity=DOCUMENT,
                    id=sha256,
                    ground="by keys",
                    path=f"{item.path} > {item.entity}.{name}",
                    flags=("document",),
                    why=("nobody has looked at its content yet",),
                    file=document_path(sha256),
                    file_name=self._file_name(item, values),
                    size_bytes=path.stat().st_size,
                )

    def _file_name(self, item: Item, values: dict[str, str]) -> str:
        document = values.get("document_id")
        if document is not None and "document" in self._present:
            rows = self._engine.execute("SELECT file_name FROM document WHERE id = ?", [document]).fetchall()
            if rows and rows[0][0]:
                return str(rows[0][0])
        return f"{item.entity} {item.id}" + (".eml" if item.entity == "email" else "")


def _is_privileged(each: Field) -> bool:
    return each.pd == "privileged" and each.name != "extras" and each.ref is None
