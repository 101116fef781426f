"""Small real files with bytes that never change: PDF, DOCX and e-mail, written without any clock or compressor."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from xml.sax.saxutils import escape

__all__ = ["DOCX", "EML", "PDF", "FileKind", "docx_bytes", "eml_bytes", "pdf_bytes"]


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """A file name's ending and the media type the vendor recorded."""

    suffix: str
    media_type: str


PDF = FileKind(suffix=".pdf", media_type="application/pdf")
DOCX = FileKind(suffix=".docx", media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document")
EML = FileKind(suffix=".eml", media_type="message/rfc822")

_NEVER = (1980, 1, 1, 0, 0, 0)  # the first moment a zip file can name
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_WORD}"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)


def pdf_bytes(title: str) -> bytes:
    """Return a one-page PDF that shows a title (in Latin letters; others become question marks)."""
    shown = title.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", rb"\(").replace(b")", rb"\)")
    text = b"BT /F1 14 Tf 72 770 Td (" + shown + b") Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Font << /F1 5 0 R >> >>",
    )
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


def docx_bytes(title: str, paragraph: str) -> bytes:
    """Return a Word document with a title and a paragraph."""
    paragraphs = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in (title, paragraph))
    document = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body>{paragraphs}</w:body></w:document>"
    )
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        parts = {"[Content_Types].xml": _CONTENT_TYPES, "_rels/.rels": _RELATIONS, "word/document.xml": document}
        for name, content in parts.items():
            member = zipfile.ZipInfo(name, _NEVER)
            member.create_system = 0  # otherwise the bytes tell Windows from the rest
            archive.writestr(member, content)
    return buffer.getvalue()


def eml_bytes(headers: dict[str, str], body: str) -> bytes:
    """Return an e-mail with plain headers and a UTF-8 body, lines ended as RFC 5322 wants."""
    fixed = {"MIME-Version": "1.0", "Content-Type": "text/plain; charset=utf-8", "Content-Transfer-Encoding": "8bit"}
    lines = [f"{name}: {value}" for name, value in {**headers, **fixed}.items()]
    return ("\r\n".join([*lines, "", body]) + "\r\n").encode()
