"""What the profile of datapackage.json refuses, and how it says so."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from portability.formats.datapackage import profile_bytes, validate_datapackage
from tests.formats.packages import build, resource


def damage(path: str, value: object) -> dict[str, Any]:
    """Return the package with one value replaced, or removed when None."""
    package = copy.deepcopy(build())
    *steps, last = path.split("/")
    target: Any = package
    for step in steps:
        target = target[int(step)] if isinstance(target, list) else target[step]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return package


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("resources/0/hash", "sha256:00", "resources[0].hash"),
        ("resources/0/hash", None, "resources[0]: 'hash' is a required property"),
        ("resources/0/bytes", 12, "resources[0].bytes: must not be here"),
        ("resources/0/path", "../../etc/passwd", "resources[0].path"),
        ("resources/0/path", "https://example.org/x.parquet", "resources[0].path"),
        ("resources/0/path", ["a", "b"], "resources[0].path"),
        ("resources/0/data", [], "resources[0].data"),
        ("resources/0/name", "other", "resources[0].name: is not the path with dots"),
        ("resources/0/lpa:layer", "tables", "resources[0].lpa:layer: is not the path's"),
        ("resources/0/lpa:rowCount", -1, "resources[0].lpa:rowCount"),
        ("resources/0/lpa:rowCount", True, "resources[0].lpa:rowCount"),
        ("resources/0/schema/fields/0/type", "money", "resources[0].schema.fields[0].type"),
        ("resources/0/schema/fields/0/lpa:personalData", "secret", "resources[0].schema.fields[0].lpa:personalData"),
        ("resources/4/schema/primaryKey", ["absent"], "resources[4].schema: a key names a field"),
        ("resources/4/schema/primaryKey", "id", "resources[4].schema.primaryKey"),
        ("created", "2026-11-22T00:00:00Z", "created"),
        ("resources", [], "resources"),
        ("lpa:formatVersion", "2.0", "lpa:formatVersion"),
    ],
)
def test_profile_names_the_place_of_what_is_wrong(path: str, value: object, expected: str) -> None:
    """Each damage gives a problem that begins with its place."""
    problems = validate_datapackage(damage(path, value))
    assert [problem for problem in problems if problem.startswith(expected)], problems


def test_profile_refuses_a_reference_into_nothing() -> None:
    """A foreign key to an absent resource or field is a problem."""
    package = build()
    keys = resource(package, "source.public.matters")["schema"]["foreignKeys"]
    keys[0]["reference"]["resource"] = "source.public.sessions"
    keys[1]["reference"]["fields"] = ["absent"]
    assert [problem.partition(": ")[2] for problem in validate_datapackage(package)] == [
        "refers to a resource that does not exist",
        "refers to a field that does not exist",
    ]


@pytest.mark.parametrize("document", [None, [], "x", 3, {"resources": [None]}, {"resources": {"a": 1}}], ids=repr)
def test_profile_of_what_is_no_package_lists_problems(document: object) -> None:
    """Any JSON value gets problems, never a traceback."""
    assert validate_datapackage(document)


def test_profile_lists_many_problems_up_to_a_limit() -> None:
    """A document that is wrong a thousand times gets a short answer."""
    problems = validate_datapackage({"resources": [{}] * 1000}, problems_max=5)
    assert len(problems) == 6
    assert problems[-1].startswith("and ")


def test_profile_does_not_repeat_a_long_value() -> None:
    """A hostile megabyte is not copied into the report."""
    assert max(len(problem) for problem in validate_datapackage(damage("resources/0/hash", "x" * 1_000_000))) < 300


def test_profile_is_self_contained() -> None:
    """Every reference in the profile points into the profile."""
    references = re.findall(r'"\$ref": "(.)', profile_bytes().decode())
    assert references
    assert set(references) == {"#"}
