"""Documents as a tree by client and matter, with readable names and an index.

Every file's bytes are hashed on the way and must have the hash that the archive names it by. What has no bytes in the
archive stands in the index with the reason. ``index.csv`` gives for every file the name it had and the record it is of.
"""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING, Any

from portability.archive import document_path
from portability.converting.contract import Form, Material, Report
from portability.converting.engine import open_canonical
from portability.converting.names import distinct, safe_name
from portability.errors import FormatError, TargetError
from portability.streams import digest_file, iter_chunks, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portability.converting.engine import Canonical

__all__ = ["FORM"]

INDEX = "index.csv"
_COLUMNS = (
    "path", "client_number", "client", "matter_number", "matter", "kind", "record_id", "version", "title", "file_name",
    "folder", "document_date", "sha256", "size_bytes", "availability", "source_path", "in_bin",
)  # fmt: skip
_OWNER = """
  cl.id AS client_id, cl.client_number, ct.display_name AS client,
  m.id AS matter_id, m.matter_number, m.title AS matter"""
_CLIENT = "LEFT JOIN client AS cl ON cl.id = {0} LEFT JOIN contact AS ct ON ct.id = cl.contact_id"
_ORDER = "ORDER BY cl.client_number, client_id, m.matter_number, matter_id, folder, file_name, record_id, version"
_DOCUMENTS = f"""
SELECT {_OWNER}, 'document' AS kind, d.id AS record_id, v.version_number AS version, d.title, d.file_name,
  coalesce(d.folder_path, '') AS folder, d.document_date, v.file_sha256 AS sha256, v.availability,
  coalesce(v.source_path, d.external_url) AS source_path, d.is_in_bin OR d.is_deleted AS in_bin,
  v.id IS NOT NULL AND v.id IS DISTINCT FROM d.current_version_id
    AND count(*) OVER (PARTITION BY d.id) > 1 AS is_old
FROM document AS d LEFT JOIN document_version AS v ON v.document_id = d.id LEFT JOIN matter AS m ON m.id = d.matter_id
{_CLIENT.format("coalesce(m.client_id, d.client_id)")} {_ORDER}"""
_EMAILS = f"""
SELECT {_OWNER}, 'email' AS kind, e.id AS record_id, NULL AS version, e.subject AS title,
  strftime(coalesce(e.sent_at, e.received_at), '%Y-%m-%d %H%M ') || coalesce(nullif(e.subject, ''), 'no subject')
    || '.eml' AS file_name, 'E-mails' AS folder, CAST(e.sent_at AS DATE) AS document_date, e.eml_sha256 AS sha256,
  'present' AS availability, e.message_id AS source_path, e.is_deleted AS in_bin, false AS is_old
FROM email AS e LEFT JOIN matter AS m ON m.id = e.matter_id {_CLIENT.format("m.client_id")}
WHERE e.eml_sha256 IS NOT NULL {_ORDER}"""
_TEMPLATES = """
SELECT NULL AS client_id, NULL AS client_number, NULL AS client, NULL AS matter_id, NULL AS matter_number,
  NULL AS matter, 'template' AS kind, t.id AS record_id, NULL AS version, t.name AS title, t.name AS file_name,
  coalesce(t.category, '') AS folder, NULL AS document_date, t.file_sha256 AS sha256, 'present' AS availability,
  NULL AS source_path, t.is_deleted AS in_bin, false AS is_old
FROM template AS t WHERE t.file_sha256 IS NOT NULL ORDER BY folder, file_name, record_id"""


def _write(material: Material, folder: Path, report: Report) -> None:
    tree = _Tree(material, folder, report)
    with (
        open_canonical(material, folder) as canonical,
        (folder / INDEX).open("x", encoding="utf-8", newline="") as text,
    ):
        index = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\r\n")
        index.writeheader()
        for row in _rows(canonical):
            index.writerow({**row, **tree.put(row)})
            report.count("indexed")
    _others(material, tree, report)


def _rows(canonical: Canonical) -> Iterator[dict[str, Any]]:
    for sql in (_DOCUMENTS, _EMAILS, _TEMPLATES):
        yield from canonical.rows(sql)


class _Tree:
    """The folders made so far and the names taken in each; one matter's names are dropped when the next begins."""

    def __init__(self, material: Material, root: Path, report: Report) -> None:
        self._material = material
        self._root = root
        self._report = report
        self._name_max = material.limits.file_name_bytes_max
        self._owners: dict[tuple[str, str | None], str] = {}
        self._owner_names: dict[str, set[str]] = {"": {INDEX, "conversion.json"}}
        self._matter: object = ()
        self._files: dict[str, set[str]] = {}
        self.used: set[bytes] = set()

    def put(self, row: dict[str, Any]) -> dict[str, Any]:
        """Place one file; return its path and size for the index, empty when it has no bytes."""
        if row["sha256"] is None:
            reason = row["availability"] or "no version"
            self._report.remark(f"documents without bytes in the archive ({reason}), in the index only", row["kind"])
            return {"path": "", "size_bytes": "", "availability": reason}
        sha256 = str(row["sha256"])
        source = self._material.archive.data / document_path(sha256)
        if not source.is_file():
            message = "a document's bytes are not in the archive"
            raise FormatError(message, place=document_path(sha256), hint="`portability verify` lists what is missing.")
        folder = self._folder(row)
        name = self._name(row, folder)
        (self._root / folder).mkdir(parents=True, exist_ok=True)
        size = self._copy(source, self._root / folder / name, sha256)
        self.used.add(bytes.fromhex(sha256))
        self._report.count("files")
        return {"path": f"{folder}/{name}", "size_bytes": size}

    def _folder(self, row: dict[str, Any]) -> str:
        if row["kind"] == "template":
            top = "_templates"
        elif row["client_id"] is None and row["matter_id"] is None:
            top = "_unfiled"
        else:
            client = (
                self._owner("", row["client_id"], row["client_number"], row["client"])
                if row["client_id"]
                else "_no client"
            )
            in_client = row["matter_id"] is None
            top = (
                f"{client}/_client"
                if in_client
                else self._owner(client, row["matter_id"], row["matter_number"], row["matter"])
            )
        if (top, row["kind"]) != self._matter:
            kept = {k: v for k, v in self._files.items() if k == top or k.startswith(f"{top}/")}
            self._matter, self._files = (top, row["kind"]), kept
        room = self._material.limits.file_path_bytes_max - len(top.encode()) - self._name_max // 2
        parts = [part for part in row["folder"].replace("\\", "/").split("/") if part.strip(" .")]
        safe = "/".join(safe_name(part, bytes_max=self._name_max // 2) for part in parts)
        if len(safe.encode()) > room:
            self._report.remark("folders too deep for a path, put into their matter's folder", row["kind"])
            safe = ""
        return f"{top}/{safe}" if safe else top

    def _owner(self, parent: str, key: str, number: str | None, title: str | None) -> str:
        """Give a client or matter its folder, the same each time."""
        if (parent, key) not in self._owners:
            half = self._name_max // 2
            name = safe_name(f"{number or key} {title or ''}", bytes_max=half)
            unique = distinct(name, self._owner_names.setdefault(parent, set()), bytes_max=half)
            self._owners[parent, key] = f"{parent}/{unique}" if parent else unique
        return self._owners[parent, key]

    def _name(self, row: dict[str, Any], folder: str) -> str:
        wanted = row["file_name"] or row["title"] or row["record_id"]
        if row["is_old"]:
            stem, dot, ending = wanted.rpartition(".")
            wanted = f"{stem} (v{row['version']}){dot}{ending}" if stem else f"{wanted} (v{row['version']})"
        room = min(self._name_max, self._material.limits.file_path_bytes_max - len(folder.encode()) - 1)
        name = safe_name(wanted, bytes_max=room)
        unique = distinct(name, self._files.setdefault(folder, set()), bytes_max=room)
        self._report.remark(
            "files whose name had to be changed (the index has the name they had)", row["kind"], int(unique != wanted)
        )
        return unique

    def _copy(self, source: Path, target: Path, sha256: str) -> int:
        if self._material.link:
            try:
                os.link(source, target)
            except OSError as error:
                hint = "Hard links need one file system; leave --link out to copy."
                raise TargetError(f"cannot link: {error.strerror}", place=target.name, hint=hint) from error
            digest = digest_file(target)
        else:
            chunks = self._material.limits.chunk_bytes
            with source.open("rb") as bytes_in, target.open("xb") as bytes_out:
                limit = self._material.limits.value_bytes_max
                digest = write_file(iter_chunks(bytes_in, chunk_bytes=chunks), bytes_out, size_bytes_max=limit)
        if digest.sha256 != sha256:
            raise FormatError("a document's bytes do not have its hash", place=document_path(sha256))
        return digest.size_bytes


def _others(material: Material, tree: _Tree, report: Report) -> None:
    """Say how many files of the archive no document names: long values of source columns, and what profiles leave."""
    names = (path.name for path in (material.archive.data / "documents").glob("*/*"))
    others = sum(bytes.fromhex(name) not in tree.used for name in names)
    report.remark("files of the archive that are no document of the canonical layer, left out", "documents/", others)


FORM = Form(
    name="files",
    title="Documents as a tree by client and matter",
    write=_write,
    entities=("document", "document_version", "email", "template"),
    cannot_hold=(
        "Folders are 'client number name/matter number title/folder'.",
        "Names lose what Windows forbids, are cut to 120 bytes and numbered where two are the same.",
        "index.csv has the names as they were.",
        "An older version has (v1), (v2) ... before its ending; the current one has its plain name.",
        "Dates of the files are those of the conversion; document dates are in the index.",
        "Documents without bytes in the archive are in the index with the reason, and no path.",
        "Long values of source columns, which the archive keeps as files, are no documents and are left out.",
    ),
)
