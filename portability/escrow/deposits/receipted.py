"""Which deposits an agent found broken, by the receipts that were fetched and those that lie beside the deposits.

Who gave a receipt that says FAIL is not asked: believing a false one costs a full deposit, not believing a true one
costs the chain. It stands until a later one replaces it: names it by its hash, and is signed by the key that both name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.depositories import read_small
from portability.errors import FormatError, SignatureError
from portability.escrow.receiving.receipts import Receipt, parse_receipt, receipt_name
from portability.limits import MIB
from portability.signing import RECEIPT_NAMESPACE, check_signature

if TYPE_CHECKING:
    from portability.catalogue.deposits import Deposit
    from portability.depositories import Depository
    from portability.escrow.deposits.holdings import Holding
    from portability.limits import Limits

__all__ = ["is_receipted_broken"]

_RECEIPT_BYTES_MAX = 1 * MIB  # read once for each deposit that is leaned on; one with 100 findings has 30 KiB
_RECEIPTS_MAX = 20  # of one deposit; an agent gives a further one when it judges otherwise, which happens once or twice


def is_receipted_broken(
    depository: Depository, holding: Holding, deposit: Deposit, limits: Limits, *, fetched: bytes | None = None
) -> bool:
    """Tell whether the newest word of an agent is that a deposit is broken.

    Args:
        depository: Where it lies.
        holding: What was found there.
        deposit: The deposit, as the catalogue has it.
        limits: Of a signature's length.
        fetched: A receipt of this depository that says FAIL and was fetched before.

    Raises:
        DepositoryError: It cannot be reached.
    """
    content = _lying(depository, holding, deposit, 1)
    failed = None if content is None else _failed(content, deposit)
    if failed is None and fetched is not None:
        content, failed = fetched, _failed(fetched, deposit)
    if content is None or failed is None:
        return False
    newest = failed
    for number in range(2, _RECEIPTS_MAX + 1):
        further = _lying(depository, holding, deposit, number)
        if further is None:
            break
        replacing = _replacing(depository, holding, deposit, number, further, limits)
        if replacing is not None and replacing.replaces(content) and replacing.receiver == newest.receiver:
            content, newest = further, replacing
    return not newest.passed


def _lying(depository: Depository, holding: Holding, deposit: Deposit, number: int) -> bytes | None:
    name = receipt_name(deposit.sequence, number)
    if not 0 < holding.receipts.get(name, 0) <= _RECEIPT_BYTES_MAX:
        return None
    return read_small(depository, f"{deposit.agreement}/{name}", size_bytes_max=_RECEIPT_BYTES_MAX)


def _failed(content: bytes, deposit: Deposit) -> Receipt | None:
    try:
        receipt = parse_receipt(content, "")
    except FormatError:
        return None
    return receipt if not receipt.passed and receipt.manifest_sha256 == deposit.manifest_sha256 else None


def _replacing(
    depository: Depository, holding: Holding, deposit: Deposit, number: int, content: bytes, limits: Limits
) -> Receipt | None:
    """Return a further receipt; None when it is none of this deposit, or not signed by the key that it names."""
    name = f"{receipt_name(deposit.sequence, number)}.sig"
    if not 0 < holding.receipts.get(name, 0) <= limits.signature_bytes_max:
        return None
    signature = read_small(depository, f"{deposit.agreement}/{name}", size_bytes_max=limits.signature_bytes_max)
    try:
        receipt = parse_receipt(content, name)
        signed = check_signature(content, signature, namespace=RECEIPT_NAMESPACE)
    except (FormatError, SignatureError):
        return None
    is_of_it = receipt.manifest_sha256 == deposit.manifest_sha256 and signed.fingerprint == receipt.receiver
    return receipt if is_of_it else None
