"""Who signed a step, and whether they might: the register of operators as it was when the step was signed.

The register's history is read once, its own signatures checked, and then asked for every step of every request.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from portability.auditing import Operator, OperatorRules, Register, Role, require_own_key
from portability.auditing.register import read_history
from portability.errors import ProcedureError
from portability.signing import STEP_NAMESPACE, check_signature

if TYPE_CHECKING:
    from portability.catalogue import Transaction
    from portability.governing.events import SignedEvent

__all__ = ["Witness"]


class Witness:
    """The register of operators at every moment until now."""

    def __init__(self, transaction: Transaction) -> None:
        history = read_history(transaction)
        self._moments = [moment for moment, _ in history]
        self._registers = [register for _, register in history]

    def operators(self) -> tuple[Operator, ...]:
        """Return everybody the register has now."""
        return tuple(self._registers[-1].operators.values()) if self._registers else ()

    def require(
        self, name: str, roles: Sequence[Role], *, at: datetime, releases: OperatorRules | None = None
    ) -> Operator:
        """Return an operator, if at that moment they had one of these roles.

        Raises:
            ProcedureError: They had none.
        """
        return self._require(self._at(at), name, roles, at=at, releases=releases)

    def require_now(
        self, name: str, roles: Sequence[Role], *, at: datetime, releases: OperatorRules | None = None
    ) -> Operator:
        """Return an operator, if they may do a new step: by the register as it stands, whatever their clock says.

        Args:
            at: The chain's moment.

        Raises:
            ProcedureError: They may not.
        """
        register = self._registers[-1] if self._registers else Register()
        return self._require(register, name, roles, at=at, releases=releases)

    @staticmethod
    def _require(
        register: Register, name: str, roles: Sequence[Role], *, at: datetime, releases: OperatorRules | None
    ) -> Operator:
        found = register.operators.get(name)
        role = next((each for each in roles if found is not None and each in found.roles), roles[0])
        try:
            return register.require(name, role, at=at, releases=releases)
        except ProcedureError as error:
            if found is not None and role not in found.roles:
                message = f"needs one of the roles {', '.join(roles)}"
                raise ProcedureError(message, place=error.place, hint=error.hint) from None
            raise

    def check(self, signed: SignedEvent, roles: Sequence[Role]) -> Operator:
        """Return who signed a step, if it is their signature and they had one of these roles then.

        Raises:
            ProcedureError: They had not, or it is not their key.
            SignatureError: The signature is not over these bytes.
        """
        found = check_signature(signed.statement, signed.signature, namespace=STEP_NAMESPACE)
        operator = self.require(signed.event.operator, roles, at=signed.event.at)
        if signed.event.key != found.key.fingerprint:
            raise ProcedureError("names another key than the one that signed", place=operator.name)
        return require_own_key(operator, found.key)

    def _at(self, moment: datetime) -> Register:
        place = bisect_right(self._moments, moment)
        return self._registers[place - 1] if place else Register()
