"""What is found of a person: one item is one row of the canonical layer, or one document."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

__all__ = ["DOCUMENT", "FLAGS", "Item", "Value"]

DOCUMENT = "document file"
"""The kind of an item that is a document's bytes; its id is their hash."""

FLAGS = {
    "others": "holds, or refers to, data of other people",
    "privileged": "is of class privileged in the model: legal advice, or prepared for a case",
    "document": "is a document, whose content nobody has looked at yet",
    "mention": "names the person in a text; whether it is the same person is not known",
}
"""Why an item must be looked at before it is released."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """One field as text, exact, with its personal-data class."""

    name: str
    text: str
    pd: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing found.

    ``ground`` says on what ground it is the person's, ``path`` the keys that lead to it. ``flags`` are names of
    ``FLAGS``. ``file`` is a document's payload path, ``size_bytes`` its length.
    """

    entity: str
    id: str
    ground: str
    path: str
    values: tuple[Value, ...] = ()
    flags: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    file: str | None = None
    file_name: str = ""
    size_bytes: int = 0
    staff: int = field(default=0)

    @property
    def name(self) -> str:
        """What names it in the review: entity and id."""
        return f"{self.entity}/{self.id}"

    @property
    def fingerprint(self) -> str:
        """A hash of what it says: a decision holds for this content and no other."""
        content = [self.entity, self.id, [[v.name, v.text] for v in self.values], self.file, sorted(self.flags)]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]
