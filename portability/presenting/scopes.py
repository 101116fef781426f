"""What the scope commands say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portability.exports import ScopeCheck
    from portability.output import Output
    from portability.scoping.record import TableRecord

__all__ = ["scope_check"]


def scope_check(output: Output, checked: ScopeCheck) -> None:
    """Tell, table by table, what a scope leaves and why; with plans, how the source finds it."""
    output.result(checked)
    rows = {each.table: each.rows for each in checked.tables}
    output.line(f"Scope {checked.scope.name}, sha256 {checked.scope.sha256}, by the profile {checked.profile}")
    for kind, root in checked.record.roots.items():
        output.line(f"{kind}: {', '.join('/'.join(key) for key in root.keys)} ({root.table}.{', '.join(root.columns)})")
    lines = [(each.table, rows[each.table], each.treatment, _why(each)) for each in checked.record.tables]
    output.table("", ["table", "rows#", "is", "by"], lines)
    for each in checked.tables:
        if each.explained is not None:
            scanned = ", ".join(each.explained.scanned)
            output.line(f"\n{each.table}: " + (f"reads {scanned} whole" if scanned else "by indexes alone"))
            output.line(f"  {each.explained.sql}")
            for line in each.explained.lines:
                output.line(f"    {line}")


def _why(record: TableRecord) -> str:
    """The keys that decide, or the reason that the profile gives."""
    parts = []
    for owner in record.owners:
        keys = []
        for key in owner.keys:
            when = " and ".join(f"{column} is {value}" for column, value in key.when.items())
            keys.append(f"{', '.join(key.columns)} > {key.to_table}" + (f" when {when}" if when else ""))
        parts.append(f"{owner.root}: {' or '.join(keys)}")
    if record.date:
        parts.append(f"dates: {record.date}")
    if record.treatment == "referred":
        parts.append(f"by {', '.join(record.referred_by)}")
    if record.columns_left_out:
        parts.append(f"without {', '.join(record.columns_left_out)}")
    return "; ".join([*parts, *([record.reason] if record.reason else [])])
