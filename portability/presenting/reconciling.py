"""What the command on archive and target says: reconcile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.reconciling.paper import to_document

if TYPE_CHECKING:
    from pathlib import Path

    from portability.output import Output
    from portability.reconciling import Certificate

__all__ = ["certificate"]


def certificate(output: Output, made: Certificate, folder: Path) -> None:
    """Tell what agrees, what is explained, and what is left."""
    output.result({"certificate": str(folder), **to_document(made)})
    rows = [
        (c.name, f"{c.archive:,f}", f"{c.target:,f}", c.agreeing, c.explained, c.unexplained) for c in made.comparisons
    ]
    output.table("", ["total", "archive#", "target#", "lines agree#", "explained#", "not explained#"], rows)
    if made.not_loaded:
        apart = [(n.table, n.kind, n.column, n.reason, n.count) for n in made.not_loaded]
        output.table("\nRows not loaded", ["table", "kind", "column", "reason", "rows#"], apart)
    output.line("")
    page = folder / "certificate.html"
    output.line(f"Reconciled. To sign: {page}" if made.ok else f"NOT RECONCILED. The differences: {page}")
