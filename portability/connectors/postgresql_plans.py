"""PostgreSQL's query plans as lines for people, and the tables that a plan reads whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["plan_lines"]

_CONDITIONS = ("Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Filter")


def plan_lines(plan: Mapping[str, Any], depth: int = 0) -> tuple[list[str], list[str]]:
    """Return the lines of a plan from ``EXPLAIN (FORMAT JSON)``, and the tables that it scans."""
    words = [str(plan["Node Type"])]
    words += [f"on {plan[key]}" for key in ("Relation Name",) if key in plan]
    words += [f"using {plan[key]}" for key in ("Index Name",) if key in plan]
    words.append(f"(rows={plan.get('Plan Rows')})")
    lines = ["  " * depth + " ".join(words)]
    lines += ["  " * (depth + 1) + f"{key}: {plan[key]}" for key in _CONDITIONS if key in plan]
    index_scan = str(plan["Node Type"]).startswith("Index") and "Index Cond" in plan
    whole = "Relation Name" in plan and not index_scan and plan["Node Type"] != "Bitmap Heap Scan"
    scanned = [str(plan["Relation Name"])] if whole else []
    for part in plan.get("Plans", ()):
        more, others = plan_lines(part, depth + 1)
        lines += more
        scanned += others
    return lines, scanned
