"""What ``portability open`` says: who signed, whose keys opened it, and what stands there now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portability.plurals import counted

if TYPE_CHECKING:
    from portability.output import Output
    from portability.sealing.opening import Opened

__all__ = ["opened"]

SHOWN_FILES = 50


def opened(output: Output, result: Opened) -> None:
    """Tell what was opened."""
    output.result(_document(result))
    _signed(output, result)
    output.line(f"  opened by    {' and '.join(result.opened_by)}")
    if result.entries:
        _selection(output, result)
        return
    output.line(f"  files        {result.files:,}, {result.size_bytes:,} bytes, each as the catalog says")
    output.line("")
    output.line(f"Archive {result.destination}")
    output.line(f"Verify it:  portability verify {result.destination} --level deep")


def _signed(output: Output, result: Opened) -> None:
    authentic = result.authentic
    output.line(f"Sealed {authentic.manifest.sealed_at}, deposit {authentic.manifest.deposit_id}")
    if authentic.signer is None:
        output.line(f"  signature    right, by the key {authentic.fingerprint}")
        output.line("               nobody was named who should have signed: whose key that is, --trust FILE would say")
        return
    output.line(f"  signature    right, by {authentic.signer.principals} with the key {authentic.fingerprint}")


def _selection(output: Output, result: Opened) -> None:
    output.table(
        "", ["file", "bytes#", "SHA-256"], [(e.path, e.size_bytes, e.sha256) for e in result.entries[:SHOWN_FILES]]
    )
    if len(result.entries) > SHOWN_FILES:
        output.line(f"… and {len(result.entries) - SHOWN_FILES:,} more; --json lists them all.")
    output.line("")
    output.line(f"{counted(result.files, 'file')} in {result.destination}, each checked against the catalog's hash.")
    output.line("This is a folder of files out of the archive, not an archive: the verifier would miss the rest.")


def _document(result: Opened) -> dict[str, Any]:
    authentic = result.authentic
    return {
        "destination": str(result.destination),
        "archive": not result.entries,
        "deposit_id": authentic.manifest.deposit_id,
        "sealed_at": authentic.manifest.sealed_at,
        "manifest_sha256": authentic.manifest_sha256,
        "signature": {
            "fingerprint": authentic.fingerprint,
            "trusted": authentic.signer is not None,
            "principals": None if authentic.signer is None else authentic.signer.principals,
        },
        "opened_by": list(result.opened_by),
        "files": result.files,
        "size_bytes": result.size_bytes,
        "segments_read": result.segments,
        "selected": [{"path": e.path, "size_bytes": e.size_bytes, "sha256": e.sha256} for e in result.entries],
    }
