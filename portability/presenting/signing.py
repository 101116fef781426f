"""What ``portability sign`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.signing import ARCHIVE_NAMESPACE

if TYPE_CHECKING:
    from portability.exports import Signed
    from portability.output import Output

__all__ = ["signed"]


def signed(output: Output, made: Signed) -> None:
    """Tell who signed, and how anyone checks it."""
    output.result(
        {
            "archive": str(made.archive.root),
            "signature": str(made.signature),
            "namespace": ARCHIVE_NAMESPACE,
            "fingerprint": made.fingerprint,
            "public_key": made.public_line,
        }
    )
    output.line(f"Signed {made.archive.root}")
    output.line(f"  signature  {made.signature}")
    output.line(f"  key        {made.fingerprint}")
    output.line("")
    output.line(f"Verify it:  portability verify {made.archive.root} --trust ALLOWED_SIGNERS")
