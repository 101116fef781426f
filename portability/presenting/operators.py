"""What the commands on operators say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portability.catalogue import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.auditing import Operator
    from portability.auditing.register import Change
    from portability.output import Output

__all__ = ["changed", "listed", "shown"]

_WORDS = {
    "bootstrap": "First administrator",
    "new": "New operator",
    "renew": "Renewed",
    "revoke": "Revoked",
}


def changed(output: Output, change: Change, operator: Operator) -> None:
    """Tell of a change of the register."""
    output.result(_document(operator) | {"change": change})
    output.line(f"{_WORDS[change]}: {operator.name}")
    _facts(output, operator)


def listed(output: Output, operators: Sequence[Operator]) -> None:
    """List operators."""
    output.result({"operators": [_document(one) for one in operators]})
    columns = ("name", "roles", "until", "agreement", "training", "key")
    rows = [
        (one.name, ", ".join(sorted(one.roles)), _until(one), one.agreement_date, one.training_date, one.fingerprint)
        for one in sorted(operators, key=lambda each: each.name)
    ]
    output.table("Operators", columns, rows)


def shown(output: Output, operator: Operator) -> None:
    """Show one operator."""
    output.result(_document(operator))
    output.line(operator.name)
    _facts(output, operator)


def _facts(output: Output, operator: Operator) -> None:
    output.line(f"  roles      {', '.join(sorted(operator.roles))}")
    output.line(f"  key        {operator.fingerprint}")
    output.line(f"  valid      {_from(operator)} to {_until(operator)}")
    output.line(f"  agreement  {operator.agreement_date or 'not on record'}")
    output.line(f"  training   {operator.training_date or 'not on record'}")


def _from(operator: Operator) -> str:
    return f"{operator.valid_from:%Y-%m-%d %H:%M:%SZ}"


def _until(operator: Operator) -> str:
    return "further notice" if operator.valid_until is None else f"{operator.valid_until:%Y-%m-%d %H:%M:%SZ}"


def _document(operator: Operator) -> dict[str, Any]:
    return operator.to_dict() | {"fingerprint": operator.fingerprint, "valid": operator.is_valid(now())}
