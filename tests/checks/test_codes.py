"""The registry of codes: complete, in order, documented."""

from __future__ import annotations

import re
from pathlib import Path

from portability.checks import STEPS, load_codes
from portability.checks.code_list import code_list
from portability.checks.codes import FAMILIES, SEALED_FAMILY, SEVERITIES, rule_codes
from portability.model import load_model

ROOT = Path(__file__).parents[2]


def test_load_codes_every_entry_is_complete() -> None:
    """Each code has a family, a number in it, a severity, a title and a mend that are sentences."""
    for name, code in load_codes().items():
        assert re.fullmatch(r"[CDFSL][1-5]\d\d|R6\d\d|X[1-4]\d\d", name)
        assert code.severity in SEVERITIES
        assert code.title, name
        assert not code.title.endswith("."), name
        assert code.mend.endswith("."), name
        assert set(code.implies) <= load_codes().keys()


def test_load_codes_are_in_order_within_their_family() -> None:
    """Codes are listed by number, so that a new one is seen to be new."""
    for family in (*FAMILIES, SEALED_FAMILY):
        names = [name for name in load_codes() if name[0] == family]
        assert names == sorted(names)


def test_rule_codes_every_rule_of_the_model_has_one() -> None:
    """No rule can be added to the model without a code, nor a code kept for a rule that is gone."""
    assert rule_codes().keys() == {rule.id for rule in load_model().rules}


def test_source_every_code_that_a_check_names_is_registered() -> None:
    """A check cannot raise a code that the registry does not know, and no code is left that no check names."""
    modules = (ROOT / "portability" / "checks").rglob("*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in modules)
    named = set(re.findall(r'"([CDFSLX][1-5]\d\d|R6\d\d)"', text))
    unnamed = {name for name, code in load_codes().items() if not code.rule and not code.reserved}
    assert named == unnamed


def test_code_list_is_what_the_documentation_holds() -> None:
    """docs/check_codes.md was made from the registry as it is now."""
    command = "python -m portability.checks.code_list > docs/check_codes.md"
    assert (ROOT / "docs" / "check_codes.md").read_text(encoding="utf-8") == code_list(), f"run: {command}"


def test_steps_each_level_holds_the_one_before() -> None:
    """Steps come in the order of their families, and later families belong to the same level or a deeper one."""
    families = [family for family, _ in STEPS]
    assert families == sorted(families, key=list(FAMILIES).index)
