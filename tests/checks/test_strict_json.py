"""JSON as the verifier reads it: bounded, and refused where two readers could disagree."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portability.checks.strict_json import StrictJsonError, parse_strictly
from portability.limits import DEFAULT_LIMITS

REFUSED = {
    "nothing": (b"", "D201"),
    "half an object": (b'{"a":', "D201"),
    "two values": (b"1 2", "D201"),
    "byte order mark": (b"\xef\xbb\xbf{}", "D201"),
    "utf-16": ("{}".encode("utf-16"), "D201"),
    "bad utf-8": (b'"\xc3"', "D201"),
    "nan": (b"NaN", "D201"),
    "infinity": (b"-Infinity", "D201"),
    "half a surrogate pair": (b'["\\ud800"]', "D201"),
    "half a surrogate pair as key": (b'{"\\udfff": 1}', "D201"),
    "endless number": (b"1" * 5000, "D201"),
    "deep list": (b"[" * 66 + b"]" * 66, "D203"),
    "bottomless list": (b"[" * 10**6, "D203"),
    "bottomless object": (b'{"a":' * 10**6, "D203"),
    "key twice": (b'{"a": 1, "a": 1}', "D204"),
    "key twice, once escaped": (b'{"a": 1, "\\u0061": 2}', "D204"),
    "key twice within": (b'[{"b": {"a": 1, "a": 1}}]', "D204"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_parse_strictly_refuses(name: str) -> None:
    """Each way of being ambiguous, endless or no JSON is refused under its code."""
    data, code = REFUSED[name]
    with pytest.raises(StrictJsonError) as caught:
        parse_strictly(data, DEFAULT_LIMITS)
    assert caught.value.code == code


def test_parse_strictly_refuses_more_than_the_limit_before_reading_it() -> None:
    """A document above the limit is not parsed at all."""
    with pytest.raises(StrictJsonError) as caught:
        parse_strictly(b"[" * 11, replace(DEFAULT_LIMITS, json_bytes_max=10))
    assert caught.value.code == "D202"


def test_parse_strictly_allows_the_depth_of_the_limit() -> None:
    """Sixty-four levels are allowed."""
    assert parse_strictly(b"[" * 64 + b"]" * 64, DEFAULT_LIMITS)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_parse_strictly_reads_what_json_writes(value: object) -> None:
    """Whatever the standard library writes comes back the same."""
    assert parse_strictly(json.dumps(value, ensure_ascii=False).encode(), DEFAULT_LIMITS) == value


@given(st.binary())
def test_parse_strictly_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes end in another exception."""
    with contextlib.suppress(StrictJsonError):
        parse_strictly(data, DEFAULT_LIMITS)
