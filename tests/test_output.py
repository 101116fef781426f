"""What people see of an error that is about many things, and of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portability.errors import ConfigError
from portability.output import DETAILS_SHOWN, TextOutput
from portability.plurals import counted, first_few

if TYPE_CHECKING:
    from collections.abc import Sequence


def shown(problems: Sequence[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines that an error about these problems prints."""
    TextOutput().error(ConfigError(first_few(problems), place="a", hint="Mend them.", details=problems))
    return capsys.readouterr().err.splitlines()


def test_error_about_a_few_things_says_them_once(capsys: pytest.CaptureFixture[str]) -> None:
    """What the message tells is not told again below it."""
    assert shown(["one", "two"], capsys) == ["Error: a: one; two", "Mend them."]


def test_error_about_many_things_lists_the_rest_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Not one paragraph; and where there are too many, it says where all of them are."""
    problems = [f"table t{number:03d}" for number in range(DETAILS_SHOWN + 9)]
    lines = shown(problems, capsys)
    assert lines[0].endswith(f"table t004; and {len(problems) - 5} more")
    assert lines[1:3] == ["  table t005", "  table t006"]
    assert lines[-2:] == ["  … and 4 more: --json lists all", "Mend them."]


@pytest.mark.parametrize(("count", "told"), [(0, "0 entities"), (1, "1 entity"), (1204, "1,204 entities")])
def test_counted_noun_has_its_plural_and_commas(count: int, told: str) -> None:
    """One of anything is one."""
    assert counted(count, "entity", "entities") == told
