"""Archive against target after an import: totals side by side, and what explains each difference.

``reconcile`` computes and writes the certificate; ``require_explained`` refuses what is left over.
"""

from portability.reconciling.certificate import Certificate, Comparison, Line, NotLoaded, require_explained
from portability.reconciling.job import ReconcileRequest, reconcile

__all__ = [
    "Certificate",
    "Comparison",
    "Line",
    "NotLoaded",
    "ReconcileRequest",
    "reconcile",
    "require_explained",
]
