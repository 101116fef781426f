"""Documents as a tree of readable names: safe, unique, whole, and every one in the index."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from portability.converting.names import distinct, safe_name
from portability.errors import FormatError
from tests.converting.canonical import write_form
from tests.converting.conftest import Convert

FORBIDDEN = re.compile(r'[<>:"\\|?*\x00-\x1f]')


def index(folder: Path) -> list[dict[str, str]]:
    """The index's rows."""
    with (folder / "index.csv").open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_files_practice_has_every_document_whole_and_listed(converted: Convert, practice: Path) -> None:
    """Each version with bytes is a file with its hash, each without is in the index with the reason; no other file."""
    done = converted("files")
    rows = index(done.out)
    versions = pq.read_table(practice / "data/tables/document_version.parquet").to_pylist()
    documents = [row for row in rows if row["kind"] == "document"]
    assert sorted(row["sha256"] for row in documents if row["path"]) == sorted(
        v["file_sha256"] for v in versions if v["file_sha256"]
    )
    assert sum(not row["path"] for row in documents) == sum(not v["file_sha256"] for v in versions)
    for row in rows:
        if row["path"]:
            content = (done.out / row["path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == row["sha256"]
            assert len(content) == int(row["size_bytes"])
        else:
            assert row["availability"] in {"missing_in_source", "external_link", "unreadable", "excluded"}
    on_disk = {str(path.relative_to(done.out)) for path in done.out.rglob("*") if path.is_file()}
    assert on_disk == {row["path"] for row in rows if row["path"]} | {"index.csv", "conversion.json"}


def test_files_practice_names_are_safe_everywhere(converted: Convert) -> None:
    """No character, ending, device name or length that Windows refuses; no two names that differ in case only."""
    paths = [row["path"] for row in index(converted("files").out) if row["path"]]
    assert len({path.casefold() for path in paths}) == len(paths)
    for path in paths:
        assert not FORBIDDEN.search(path)
        assert len(path.encode()) <= 200
        assert all(part == part.strip(" .") or part.lstrip() == part for part in path.split("/"))
        assert not any(part.endswith((" ", ".")) for part in path.split("/"))


NAMES = {
    'a<b>:"/\\|?*': "a_b_" + "_" * 7,
    "CON": "_CON",
    "nul.txt": "_nul.txt",
    "com1.tar.gz": "_com1.tar.gz",
    "  dots...  ": "dots",
    "": "_",
    "..": "_",
    "e\u0301": "é",
    "invoice\u202efdp.exe": "invoice_fdp.exe",
    "two\nlines": "two_lines",
    "x" * 200 + ".docx": "x" * 115 + ".docx",
    "ż" * 100 + ".pdf": "ż" * 58 + ".pdf",
}


@pytest.mark.parametrize("text", NAMES)
def test_safe_name_of_a_text_is_as_expected(text: str) -> None:
    """What is forbidden goes, what is readable stays, and so does the ending."""
    assert safe_name(text, bytes_max=120) == NAMES[text]


def test_distinct_numbers_names_that_differ_in_case_or_form_only() -> None:
    """Two files of one name both stay readable."""
    taken: set[str] = set()
    names = [distinct(name, taken, bytes_max=20) for name in ("Letter.pdf", "letter.PDF", "LETTER.pdf", "ﬁ", "fi")]
    assert names == ["Letter.pdf", "letter (2).PDF", "LETTER (3).pdf", "ﬁ", "fi (2)"]


def layer(**changes: Any) -> tuple[dict[str, list[dict[str, Any]]], dict[str, bytes]]:  # noqa: ANN401 -- any field
    """A client with a matter and one document of two versions."""
    contents = {hashlib.sha256(text).hexdigest(): text for text in (b"one", b"two")}
    one, two = contents
    document = {
        "id": "d1",
        "matter_id": "m1",
        "title": "Letter",
        "file_name": "Letter.docx",
        "current_version_id": "v2",
    }
    rows = {
        "contact": [{"id": "k", "display_name": "Owen: Ann"}],
        "client": [{"id": "c1", "contact_id": "k", "client_number": "C/1"}],
        "matter": [{"id": "m1", "client_id": "c1", "matter_number": "M1", "title": "Sale?"}],
        "document": [{**document, **changes}],
        "document_version": [
            {"id": "v1", "document_id": "d1", "version_number": 1, "file_sha256": one, "availability": "present"},
            {"id": "v2", "document_id": "d1", "version_number": 2, "file_sha256": two, "availability": "present"},
        ],
    }
    return rows, contents


def test_files_versions_stand_side_by_side_in_their_folder(tmp_path: Path) -> None:
    """The current version has the plain name; folders and names are made safe, the index keeps them as they were."""
    rows, contents = layer(folder_path="In/../Post\\2024", file_name="Letter?.docx")
    folder, report = write_form(tmp_path, "files", rows, documents=contents)
    found = {row["path"]: row["file_name"] for row in index(folder)}
    top = "C_1 Owen_ Ann/M1 Sale_/In/Post/2024"
    assert found == {f"{top}/Letter_ (v1).docx": "Letter?.docx", f"{top}/Letter_.docx": "Letter?.docx"}
    assert (folder / top / "Letter_.docx").read_bytes() == b"two"
    assert any("name had to be changed" in what for what, _ in report.remarks)


def test_files_linked_are_the_archives_own(tmp_path: Path) -> None:
    """A hard link takes no room; a copy is another file."""
    rows, contents = layer()
    folder, _ = write_form(tmp_path, "files", rows, documents=contents, link=True)
    path = next(folder.rglob("Letter.docx"))
    assert path.stat().st_nlink == 2


def test_files_changed_bytes_are_refused(tmp_path: Path) -> None:
    """A document that does not have its hash goes into no tree."""
    rows, contents = layer()
    with pytest.raises(FormatError, match="do not have its hash"):
        write_form(tmp_path, "files", rows, documents=dict.fromkeys(contents, b"other"))


def test_files_deep_folders_are_flattened_and_that_is_said(tmp_path: Path) -> None:
    """A path that Windows cannot open is not made."""
    rows, contents = layer(folder_path="/".join(["a long folder name"] * 20))
    folder, report = write_form(tmp_path, "files", rows, documents=contents)
    assert all(len(row["path"].encode()) <= 200 for row in index(folder))
    assert any("too deep" in what for what, _ in report.remarks)
