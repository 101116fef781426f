"""R: an archive of a scope holds what the scope names and nothing else, shown by keys from the archive alone.

The steps believe neither the exporter nor its plan: they read the scope, the keys that the database declared and those
that the profile declares, and follow them from every row of every file. They run when a scope is given, and at level
deep over every archive that has one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from portability.checks.case import file_sha256, open_regular
from portability.checks.scope import canonical, contents, rows, shared
from portability.checks.scope.declared import (
    PROFILE_YAML,
    SCOPE_JSON,
    TREATMENTS_JSON,
    read_rules,
    read_scope,
    read_treatments,
)
from portability.checks.scope.links import build_net
from portability.checks.scope.rows import Scoped, ScopeTable
from portability.checks.steps import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.checks.case import Case

__all__ = ["SCOPE_JSON", "STEPS", "ScopeTable"]

_INFO = "Legal-Portability-Scope-SHA256"


def _check_scope(case: Case) -> None:
    """Read the archive's scope; it is the one that was given, and the one that the export records."""
    if SCOPE_JSON not in case.payload.files:
        case.log.add("R601", SCOPE_JSON)
        return
    with open_regular(case.data / SCOPE_JSON) as stream:
        content = stream.read(case.limits.scope_bytes_max + 1)
    try:
        if len(content) > case.limits.scope_bytes_max:
            message = f"larger than the limit of {case.limits.scope_bytes_max} bytes"
            raise ValueError(message)  # noqa: TRY301 -- reported with the others below
        scope = read_scope(content)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        case.log.add("R602", SCOPE_JSON, [str(error)])
        return
    case.scoped = Scoped(scope=scope)
    sha256 = file_sha256(case.data / SCOPE_JSON)
    if _recorded(case) != {sha256}:
        case.log.add("R604", SCOPE_JSON)


def _check_given(case: Case) -> None:
    if case.scope_given is None or case.scoped is None:
        return
    with open_regular(case.data / SCOPE_JSON) as stream:
        if stream.read() != case.scope_given:
            case.log.add("R603", SCOPE_JSON)


def _recorded(case: Case) -> set[str]:
    """Return the hashes that export.json and bag-info.txt give; what gives none gives the empty text."""
    with open_regular(case.root / "export.json") as stream:
        record = json.loads(stream.read(case.limits.tag_file_bytes_max))
    with open_regular(case.root / "bag-info.txt") as stream:
        lines = stream.read(case.limits.tag_file_bytes_max).decode("utf-8").splitlines()
    noted = [line.partition(": ")[2] for line in lines if line.startswith(f"{_INFO}: ")]
    return {str(record.get("scope_sha256") or ""), *(noted or [""])}


def _check_keys(case: Case) -> None:
    """Read the keys to follow, and what the export says it did."""
    scoped = case.scoped
    if scoped is None:
        return
    try:
        scoped.rules = read_rules(case)
        scoped.treatments = read_treatments(case)
    except ValueError as error:
        case.log.add("R605", PROFILE_YAML if PROFILE_YAML in str(error) else TREATMENTS_JSON, [str(error)])
        return
    scoped.net = build_net(case.source, scoped.rules)


def _of_scope(check: Callable[[Case, Scoped], None]) -> Callable[[Case], None]:
    """Run a check when the scope is known."""

    def run(case: Case) -> None:
        if case.scoped is not None:
            check(case, case.scoped)

    return run


def _step(title: str, *checks: Callable[[Case, Scoped], None]) -> Step:
    def run(case: Case) -> None:
        for check in checks:
            _of_scope(check)(case)

    return Step(title=title, check=run, gate=False)


STEPS = (
    Step(title="The archive has a scope, the one that its export records", check=_check_scope),
    Step(title="It is the scope that was given", check=_check_given, needs="scope", gate=False),
    Step(title="The keys to follow can be read", check=_check_keys),
    _step("Tables that are said to be shared lead to no tenant", shared.check_shared),
    _step("Every row of the source layer reaches the scope's root by keys", rows.check_rows),
    _step("What the export says of each table is what its rows say", rows.check_treatments),
    _step("Dates lie within the scope", rows.check_dates),
    _step(
        "Tables, entities, columns and fields outside the scope are not there",
        contents.check_columns,
        contents.check_fields,
        contents.check_entities,
    ),
    _step("The description of the source holds nothing of others", contents.check_description),
    _step(
        "Canonical rows, exceptions, documents and examples come from rows of the archive",
        canonical.check_canonical,
        canonical.check_exceptions,
        canonical.check_documents,
        canonical.check_examples,
    ),
)
