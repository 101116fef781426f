"""The documents are real files, and their rows say the truth but for the planted lies."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
import sqlite3
import zipfile
from io import BytesIO
from pathlib import Path

from portability.practice.files import docx_bytes, eml_bytes, pdf_bytes
from tests.practice.conftest import Built


def _path(built: Built, windows_path: str) -> Path:
    return built.documents_dir.joinpath(*windows_path.removeprefix("P:\\DOCS\\").split("\\"))


def test_documents_rows_and_files_differ_only_as_planted(built: Built, books: sqlite3.Connection) -> None:
    """The missing files and the wrong sizes or MD5s are as many as the generator says."""
    missing, wrong = 0, 0
    for windows_path, size, md5 in books.execute("SELECT FILE_PATH, FILE_SIZE, FILE_MD5 FROM DOC_VER"):
        path = _path(built, windows_path)
        if not path.exists():
            missing += 1
            continue
        content = path.read_bytes()
        wrong += len(content) != size or hashlib.md5(content, usedforsecurity=False).hexdigest() != md5
    empty = books.execute("SELECT count(*) FROM DOC_BLOB WHERE CONTENT IS NULL").fetchone()[0]
    assert missing + empty == built.planted.documents["missing_in_source"] > 0
    assert wrong == built.planted.rules["version_checksum"] > 0


def test_documents_some_have_the_same_bytes(built: Built) -> None:
    """Several paths hold one and the same content."""
    hashes = [hashlib.sha256(path.read_bytes()).digest() for path in built.documents_dir.rglob("*.pdf")]
    assert len(set(hashes)) < len(hashes)


def test_pdf_offsets_lead_to_its_objects() -> None:
    """Every entry of the cross-reference table is the offset of its object."""
    content = pdf_bytes("Brief (draft) – Łódź")
    start = int(content.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert content[start:].startswith(b"xref\n")
    offsets = re.findall(rb"(\d{10}) 00000 n", content)
    assert [content[int(offset) :][:7] for offset in offsets] == [b"%d 0 obj" % number for number in range(1, 7)]


def test_docx_is_a_zip_with_the_three_parts_a_word_processor_needs() -> None:
    """The document opens as a zip and holds its text."""
    with zipfile.ZipFile(BytesIO(docx_bytes("Title", "Fish & chips"))) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"[Content_Types].xml", "_rels/.rels", "word/document.xml"}
        assert b"Fish &amp; chips" in archive.read("word/document.xml")


def test_eml_is_read_back_by_the_mail_library() -> None:
    """The e-mail parses without defects and keeps its body's emoji."""
    message = email.message_from_bytes(
        eml_bytes({"From": "a@example.com", "Subject": "S"}, "Diolch 🙏"), policy=email.policy.default
    )
    assert message.defects == []
    assert message["Subject"] == "S"
    assert message.get_content().strip() == "Diolch 🙏"
