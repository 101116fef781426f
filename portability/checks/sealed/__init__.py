"""The verifier of the sealed form: family X, levels v0 to v3.

``verify_sealed`` checks a directory or tar and always returns a Report; ``write_statement`` puts a report into a signed
statement that others can rely on.
"""

from portability.checks.sealed.case import SealedRequest
from portability.checks.sealed.statement import write_statement
from portability.checks.sealed.verifier import SEALED_STEPS, verify_sealed

__all__ = ["SEALED_STEPS", "SealedRequest", "verify_sealed", "write_statement"]
