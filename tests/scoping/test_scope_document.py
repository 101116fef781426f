"""The scope as people write it, and its one canonical form."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from portability.errors import ScopeError
from portability.scoping import canonical_scope, load_scope, parse_scope

SCOPE = """
scope: production-order-17
tenant: 3
matter: [SMI001/2, {key: 17}, "007", SMI001/2]
dates: {from: 2020-01-01, to: 2024-12-31}
entities: [time_entry, matter]
fields: {contact: display_name}
"""


def test_scope_written_in_other_ways_has_one_canonical_form_and_hash() -> None:
    """Order, doubles, quotes, single values and comments change nothing; the hash is of these very bytes."""
    one = parse_scope(SCOPE.encode())
    other = parse_scope(
        b'fields:\n  contact: ["display_name"]  # a comment\nentities: [matter, time_entry]\nversion: "1.0"\n'
        b'dates: {to: "2024-12-31", from: "2020-01-01"}\nmatter: ["007", {key: "17"}, {name: SMI001/2}]\n'
        b'tenant: ["3"]\nscope: production-order-17\n'
    )
    canonical = canonical_scope(one)
    assert canonical == canonical_scope(other)
    assert canonical == (
        b'{"dates":{"from":"2020-01-01","to":"2024-12-31"},"entities":["matter","time_entry"],'
        b'"fields":{"contact":["display_name"]},"matter":[{"name":"007"},{"name":"SMI001/2"},{"key":"17"}],'
        b'"scope":"production-order-17","tenant":[{"name":"3"}],"version":"1.0"}'
    )
    assert one.sha256 == hashlib.sha256(canonical).hexdigest()
    assert canonical_scope(parse_scope(canonical)) == canonical


def test_scope_that_names_another_row_has_another_hash() -> None:
    """An edit after approval shows: 7 by key is not 7 by name, and 007 is not 7."""
    texts = ("7", '"007"', "{key: 7}", "8")
    assert len({parse_scope(f"{{scope: a, matter: [{text}]}}".encode()).sha256 for text in texts}) == 4


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("scope: a\ntenant: [1]\nmatters: [2]\n", 3, "matters"),
        ("tenant: [1]\n", 1, "scope"),
        ("scope: Order 17\ntenant: 1\n", 1, "scope"),
        ("scope: a\n", 1, "restricts nothing"),
        ("scope: a\ntenant: []\n", 2, "tenant"),
        ("scope: a\nmatter:\n  - 1\n  - {key: 1, name: 2}\n", 2, "matter"),
        ("scope: a\nmatter: 1.50\n", 2, "matter"),
        ("scope: a\nmatter: ['']\n", 2, "empty"),
        ('scope: a\nmatter: ["a\\u0000b"]\n', 2, "characters"),
        ("scope: a\ndates: {from: 2024-02-30}\n", 2, "no day"),
        ("scope: a\ndates: {from: 1/2/2024}\n", 2, "no day"),
        ("scope: a\ndates:\n  from: 2024-02-03\n  to: 2024-02-01\n", 4, "before"),
        ("scope: a\nmatter: [1\n", 3, "YAML"),
        ("scope: a\ntenant: 1\ntenant: 2\n", 3, "twice"),
    ],
)
def test_scope_that_is_wrong_is_refused_by_line_with_a_mend(tmp_path: Path, text: str, line: int, told: str) -> None:
    """Every mistake names the file, the line and what to do."""
    path = tmp_path / "scope.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScopeError) as caught:
        load_scope(path)
    shown = f"{caught.value} {caught.value.hint} {caught.value.details}"
    assert f"scope.yaml:{line}" in shown
    assert told in shown
    assert caught.value.hint


def test_scope_schema_in_the_docs_is_the_one_that_is_used() -> None:
    """Whoever writes scopes by the published schema writes what is accepted."""
    root = Path(__file__).parents[2]
    package = root / "portability/scoping/scope.schema.json"
    assert (root / "docs/scope.schema.json").read_bytes() == package.read_bytes()
