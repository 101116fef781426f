"""Documents as the practice kept them: files on a share named by their rows, scans inside the database, filed e-mails.

Every so often a file is missing on the share, has other bytes than its row says, or repeats the bytes of another, and
the tally counts it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from .billing import Matter
from .files import DOCX, EML, PDF, FileKind, docx_bytes, eml_bytes, pdf_bytes
from .scene import CALENDAR, Firm, Scene
from .words import NARRATIVES, TASKS

__all__ = ["DOCUMENTS_MAX", "Documents"]

DOCUMENTS_MAX = 5_000  # rows and files in one practice, e-mails and scans included: seconds to write, not hours
_MISSING_EVERY, _WRONG_SIZE_EVERY, _WRONG_MD5_EVERY, _SAME_BYTES_EVERY = 19, 23, 29, 7
_DRIVE = "P:\\DOCS\\"
_TITLES = (
    "Letter to client",
    "Draft contract",
    "Engagement letter – Llythyr ymgysylltu",
    "Witness statement",
    "Bill of costs",
    "Umowa najmu",
)
_KINDS = ("LTO", "CON", "LTO", "CRT", "BIL", "CON")


class Documents:
    """Writes the documents of all matters, until the limit is reached."""

    def __init__(self, scene: Scene, documents_dir: Path) -> None:
        self._scene = scene
        self._dir = documents_dir
        self._files = 0

    def write_all(self, firm: Firm, matter: Matter) -> None:
        """Write some documents of a matter."""
        dice = self._scene.dice
        if not dice.chance(0.7) or self._files >= DOCUMENTS_MAX:
            return
        for _ in range(dice.between(1, 3)):
            self.write_document(firm, matter, matter_id=matter.matter_id)
        if dice.chance(0.4):
            self._write_email(firm, matter)
        if dice.chance(0.2):
            self._write_scan(firm, matter)

    def write_document(self, firm: Firm, matter: Matter, *, matter_id: int | None, email_id: int | None = None) -> None:
        """Write a document of one or two versions, with their files."""
        scene, dice = self._scene, self._scene.dice
        doc_id = scene.next_id("DOC_MAST")
        number = dice.between(0, len(_TITLES) - 1)
        kind = DOCX if dice.chance(0.4) else PDF
        name = f"{_TITLES[number]} {doc_id}{scene.marker(firm)}{kind.suffix}"
        versions = 2 if dice.chance(0.2) else 1
        scene.sink.put(
            "DOC_MAST",
            DOC_ID=doc_id,
            FIRM_ID=firm.firm_id,
            MTR_ID=matter_id,
            TITLE=_TITLES[number],
            FILE_NAME=name,
            FOLDER="Correspondence\\Out" if _KINDS[number] == "LTO" else "",
            DTYPE="ATT" if email_id else _KINDS[number],
            DIRN="I" if email_id else "O",
            DOC_DT=self._document_date(matter),
            AUTHOR_ID=matter.fee_earner,
            CUR_VER=versions,
            EML_ID=email_id,
            LOCKED=1 if dice.chance(0.03) else 0,
            IN_BIN="Y" if dice.chance(0.02) else "N",
            CREATED=scene.moment(matter.day),
            DEL_FLAG="N",
        )
        for version in range(1, versions + 1):
            content = self._content(kind, f"{name} v{version}", firm, matter)
            path = f"{firm.firm_id}\\{matter.number}\\v{version}\\{name}"
            self._write_version(firm, matter, doc_id, version, kind, path, content)

    def _document_date(self, matter: Matter) -> str:
        if self._scene.dice.chance(0.03):
            self._scene.tally.unreadable["document.document_date"] += 1
            return "31/02/2018"
        return CALENDAR.typed[matter.day]

    def _content(self, kind: FileKind, title: str, firm: Firm, matter: Matter) -> bytes:
        if kind is DOCX:
            return docx_bytes(title, f"Our ref: {matter.number}. {self._scene.dice.pick(NARRATIVES)}")
        if self._files % _SAME_BYTES_EVERY == 0:
            return pdf_bytes(f"Terms of business{self._scene.marker(firm)}")
        return pdf_bytes(title)

    def _write_version(  # noqa: PLR0913, PLR0917 - what a version row holds
        self, firm: Firm, matter: Matter, doc_id: int, version: int, kind: FileKind, path: str, content: bytes
    ) -> None:
        size, md5 = self._store(path, content, firm)
        self._scene.sink.put(
            "DOC_VER",
            DOC_ID=doc_id,
            VER_NO=version,
            FIRM_ID=firm.firm_id,
            FILE_PATH=_DRIVE + path,
            FILE_SIZE=size,
            FILE_MD5=md5,
            MIME=kind.media_type,
            CREATED=self._scene.moment(matter.day),
            CREATED_BY=matter.fee_earner,
            REMARK="First draft" if version == 1 else None,
            OCR_SCORE=0.5,
        )

    def _store(self, path: str, content: bytes, firm: Firm) -> tuple[int, str]:
        """Put a file on the share and return the size and MD5 its row is to say, true or planted."""
        self._files += 1
        size, md5 = len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()
        if self._files % _MISSING_EVERY == 0:
            self._scene.tally.documents["missing_in_source"] += 1
            return size, md5
        self._save(path, content)
        is_wrong_size = self._files % _WRONG_SIZE_EVERY == 0
        is_wrong_md5 = self._files % _WRONG_MD5_EVERY == 0
        if is_wrong_size or is_wrong_md5:
            self._scene.plant(firm, "version_checksum")
        return size + 512 * is_wrong_size, md5[::-1] if is_wrong_md5 else md5

    def _save(self, path: str, content: bytes) -> None:
        target = self._dir.joinpath(*path.split("\\"))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self._scene.tally.documents["present"] += 1

    def _write_scan(self, firm: Firm, matter: Matter) -> None:
        self._files += 1
        scene, blob_id = self._scene, self._scene.next_id("DOC_BLOB")
        is_empty = blob_id % _MISSING_EVERY == 0
        scene.tally.documents["missing_in_source" if is_empty else "present"] += 1
        scene.sink.put(
            "DOC_BLOB",
            BLOB_ID=blob_id,
            FIRM_ID=firm.firm_id,
            MTR_ID=matter.matter_id,
            ORIG_NAME=f"scan{blob_id:05d}.pdf",
            SCANNED=scene.moment(matter.day),
            PAGES=1,
            CONTENT=None if is_empty else pdf_bytes(f"Scan {blob_id}{scene.marker(firm)}"),
        )

    def _write_email(self, firm: Firm, matter: Matter) -> None:
        scene = self._scene
        email_id = scene.next_id("EML_MAST")
        attachments = scene.dice.between(0, 2)
        sent, subject = scene.moment(matter.day), f"{matter.number} – {scene.dice.pick(TASKS)}{scene.marker(firm)}"
        address = f"contact{matter.contact_id}@example.com"
        headers = {
            "Message-ID": f"<{email_id}.{matter.matter_id}@mail.example.com>",
            "From": address,
            "To": "office@firm.example.com",
            "Subject": subject.replace("–", "-"),
            "Date": f"{CALENDAR.dates[matter.day]:%d %b %Y} {sent[11:]} +0000",
        }
        path = f"{firm.firm_id}\\{matter.number}\\mail\\{email_id}{scene.marker(firm)}{EML.suffix}"
        self._save(path, eml_bytes(headers, f"Please see attached.\r\n\r\nDiolch / thanks 🙏{scene.marker(firm)}"))
        self._files += 1
        scene.sink.put(
            "EML_MAST",
            EML_ID=email_id,
            FIRM_ID=firm.firm_id,
            MTR_ID=matter.matter_id,
            MSG_ID=headers["Message-ID"],
            DIRN="I",
            FROM_ADDR=address,
            TO_ADDR="office@firm.example.com; cofa@firm.example.com",
            SUBJECT=subject,
            SENT_AT=sent,
            ATT_CNT=attachments,
            FILE_PATH=_DRIVE + path,
            FILED_BY=matter.fee_earner,
        )
        for _ in range(attachments):
            self.write_document(firm, matter, matter_id=matter.matter_id, email_id=email_id)
