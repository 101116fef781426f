"""Kinds of request as YAML: ours are sound; one of a vendor's own is used, or refused by file, line and field."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from portability.errors import ConfigError
from portability.governing import load_kind, load_kinds

FOLDER = resources.files("portability.governing").joinpath("kinds")
DOCS = Path(__file__).parents[2] / "docs"


def _text(name: str) -> str:
    return FOLDER.joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def test_kinds_of_governance_are_all_there() -> None:
    """The six."""
    assert {*load_kinds()} == {
        "authority_disclosure",
        "complaint",
        "escrow_release",
        "portability",
        "sra_intervention",
        "subject_access",
    }


def test_schema_in_the_docs_is_the_packages() -> None:
    """One shape."""
    ours = resources.files("portability.governing").joinpath("kind.schema.json").read_text(encoding="utf-8")
    assert json.loads(ours) == json.loads((DOCS / "request_kind.schema.json").read_text(encoding="utf-8"))


def test_vendors_kind_takes_the_place_of_ours(tmp_path: Path) -> None:
    """With another period."""
    text = _text("portability").replace("calendar_days: 30", "calendar_days: 14").replace("version: 1", "version: 2")
    (tmp_path / "portability.yaml").write_text(text, encoding="utf-8")
    kinds = load_kinds(tmp_path)
    assert kinds["portability"].clock("deliver").calendar_days == 14
    assert kinds["complaint"] == load_kinds()["complaint"]


BAD = {
    "an unknown field": ("price: 3\nkind: portability", "price", "kind: portability"),
    "a step without roles": ("", "roles", "    roles: [approver]\n    approves: true\n"),
    "an unknown role": ("roles: [boss]\n    approves", "roles", "roles: [approver]\n    approves"),
    "nobody approves": ("differs_from: [exported]", "approval", "approves: true\n    differs_from: [exported]"),
    "who exported approves": ("approves: true", "could approve", "approves: true\n    differs_from: [exported]"),
    "no scope is fixed": ("", "before its scope is fixed", "    fixes_scope: true\n"),
    "a clock of an unknown step": ("until: gone", "no step 'gone'", "until: delivered"),
    "sent back to nowhere": ("to: nowhere", "no step 'nowhere'", "to: exported"),
    "a name twice": ("- name: acknowledged", "stands twice", "- name: requestor_identified"),
    "no customer": ("name: client", "customer", "name: customer"),
    "a choice without choices": ("type: choice}", "one_of", "type: choice, one_of: [passed, failed]}"),
    "an end that may be passed over": (
        "ends: true\n    optional: true",
        "always comes",
        "ends: true\n  - name: dialogue",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_kind_that_is_wrong_is_refused_with_its_place(name: str) -> None:
    """What a vendor may get wrong, the safeguards among it."""
    new, words, old = BAD[name]
    text = _text("portability")
    assert old in text
    if name == "an end that may be passed over":
        new += "\n  - name: dialogue"
    with pytest.raises(ConfigError) as caught:
        load_kind(text.replace(old, new, 1).encode(), place="mine.yaml")
    said = f"{caught.value} {caught.value.hint} {caught.value.details}"
    assert words in said
    assert caught.value.place.startswith("mine.yaml:")


def test_kind_in_a_file_of_another_name_is_refused(tmp_path: Path) -> None:
    """The file's name is the kind's."""
    (tmp_path / "leaving.yaml").write_text(_text("portability"), encoding="utf-8")
    with pytest.raises(ConfigError, match="not its kind's"):
        load_kinds(tmp_path)
