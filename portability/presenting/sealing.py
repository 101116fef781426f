"""What ``portability seal`` says: what was sealed, for whom, and by whom it is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from portability.plurals import counted

if TYPE_CHECKING:
    from portability.output import Output
    from portability.sealing.seal import SealResult

__all__ = ["seal", "sealed_document", "sealed_lines"]


def seal(output: Output, result: SealResult) -> None:
    """Tell what was sealed."""
    output.result(sealed_document(result))
    sealed_lines(output, result)


def sealed_document(result: SealResult) -> dict[str, Any]:
    """Return all of it as plain values."""
    return {**msgspec.to_builtins(result, enc_hook=str)}


def sealed_lines(output: Output, result: SealResult) -> None:
    """Say it in lines."""
    output.line(f"Sealed {result.sealed}")
    output.line(
        f"  content      {counted(result.files, 'file')}, {result.content_bytes:,} bytes, each as the archive lists it"
    )
    output.line(f"  sealed       {result.sealed_bytes:,} bytes in {counted(result.segments, 'segment')}")
    output.line(f"  opened by    {_who(result)}")
    for recipient in result.recipients:
        output.line(f"               {recipient.name}: {recipient.kind} {recipient.fingerprint}")
    output.line(f"  signed by    {result.signed_by}")
    if not result.archive_signed:
        output.line("               The archive inside is not signed: once opened, nothing in it says who made it.")
        output.line("               Sign it before you seal it:  portability sign ARCHIVE --key KEY")
    output.line(f"  manifest     SHA-256 {result.manifest_sha256}")
    output.line("")
    output.line(f"Check it without a key:  portability verify {result.sealed}")
    output.line("Compare the fingerprints with the recipients themselves:")
    output.line("who is given the wrong key can open nothing, and whoever owns the wrong one can.")


def _who(result: SealResult) -> str:
    number = len(result.recipients)
    if number == 1:
        return "this recipient alone"
    return "each of these alone" if result.threshold == 1 else f"any {result.threshold} of these {number} together"
