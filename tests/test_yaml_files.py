"""YAML that people write: what is read, and what is refused with its line."""

from __future__ import annotations

import pytest

from portability.errors import ConfigError
from portability.yaml_files import check_schema, parse_yaml

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "description": "What it is called."},
        "kind": {"enum": ["a", "b"]},
        "parts": {"type": "array", "items": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    },
}


def test_parse_yaml_words_of_yaml_1_1_stay_text() -> None:
    """Nothing becomes a boolean, a date or a number of minutes behind a person's back."""
    read = parse_yaml(b"a: no\nb: 2026-01-01\nc: 12:30\nd: on\ne: 0x10\nf: 1_000\ng: true\nh: 7\n", place="x")
    texts = {"a": "no", "b": "2026-01-01", "c": "12:30", "d": "on", "e": "0x10", "f": "1_000"}
    assert read.content == {**texts, "g": True, "h": 7}


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        pytest.param(b"a: 1\nb: 2\na: 3\n", 3, "twice", id="a field twice"),
        pytest.param(b"a: &x [1]\nb: *x\n", 2, "alias", id="an alias"),
        pytest.param(b"a: 1\nb: !!python/name:os.system\n", 2, "tag", id="a tag"),
        pytest.param(b"a: 1\nb: [1,\n", 3, "not YAML", id="cut short"),
        pytest.param(b"a: 1\n? [x]\n: 2\n", 2, "not text", id="a list as a name"),
    ],
)
def test_parse_yaml_what_nobody_means_is_refused_with_its_line(content: bytes, line: int, message: str) -> None:
    """The place is file and line."""
    with pytest.raises(ConfigError, match=message) as caught:
        parse_yaml(content, place="job.yaml")
    assert caught.value.place == f"job.yaml:{line}"


def test_parse_yaml_nested_without_end_is_refused() -> None:
    """No recursion error reaches anybody."""
    with pytest.raises(ConfigError, match="nested"):
        parse_yaml(b"- " * 20_000, place="job.yaml")


def test_check_schema_tells_line_field_and_mend_and_all_problems() -> None:
    """The first problem is the message; the details have every one with its mend."""
    document = parse_yaml(b"nmae: x\nkind: c\nparts:\n  - size: no\n", place="job.yaml")
    with pytest.raises(ConfigError) as caught:
        check_schema(document, SCHEMA)
    assert caught.value.place == "job.yaml:1: nmae"
    assert caught.value.message == "is not a field here; in all 4 mistakes"
    assert [each.split(". ")[0] for each in caught.value.details] == [
        "job.yaml:1: nmae: is not a field here",
        "job.yaml:1: the field 'name' is missing",
        "job.yaml:2: kind: is not one of a, b",
        "job.yaml:4: parts[0].size: is not a whole number",
    ]
    assert caught.value.details[0].endswith(" Did you mean name?")
