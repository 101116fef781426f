"""What preparing leaves for sealing: a bag, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portability.escrow.jobs_shapes import DepositClass
from portability.sealing.recipients import NamedRecipient

__all__ = ["PreparedBag"]


@dataclass(frozen=True, kw_only=True)
class PreparedBag:
    """A bag to seal, under which agreement, for whom.

    ``watermark`` is when its content was pinned; ``content_sha256`` is the same for the same content.
    """

    root: Path
    agreement: str
    deposit_class: DepositClass
    recipients: tuple[NamedRecipient, ...]
    threshold: int
    watermark: str | None
    content_sha256: str
