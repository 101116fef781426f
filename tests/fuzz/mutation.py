"""Making a bad file of a good one: bytes, lines and JSON values altered by a seeded generator."""

from __future__ import annotations

import json
import random
import re
from typing import Any

__all__ = ["mutate"]

_NUMBERS = (0, 1, 7, 8, 127, 128, 255, 256, 65_535, 2**31 - 1, 2**32 - 1, 2**63)
_TOKENS = (
    b"../../etc/passwd",
    b"/",
    b"\\",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\r\n",
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b'"',
    b"{}",
    b"[[",
    b"&a [*a]",
    b"!!python/object:os.system",
    b"2020-13-45",
    b"? ",
    b"2001-12-14t21:59:43.10-99:99",
    b"0x" + b"f" * 5_000,
    b"1:2:3",
    b"*x",
    b"&x",
    b"!!binary '@'",
    b".inf",
    b"<<: *x",
    b"%00",
    b"AAAA",
    b"=",
    b"\xe2\x80\xae",
)
_WORD = re.compile(rb"[^\s:=,\[\]{}\"']+")
_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**53,
    2**70,
    1.5,
    "",
    "\x00",
    "../x",
    "\ud800",
    [],
    {},
    [None],
    {"": {}},
    "9" * 300,
    [[[[[[]]]]]],
)


def mutate(data: bytes, chosen: random.Random) -> bytes:
    """Return other bytes: a few changes of one kind, sometimes of several."""
    ways = (_bits, _bytes, _ranges, _tokens, _lines, _values, _numbers, _scalars, _deep)
    for _ in range(chosen.choice((1, 1, 1, 2, 4))):
        data = chosen.choice(ways)(data, chosen)
    return data


def _place(data: bytes, chosen: random.Random) -> int:
    # Beginnings and ends hold headers and footers, where a change means most.
    near = chosen.random()
    if near < 0.25:
        return chosen.randrange(min(len(data), 64) + 1)
    if near < 0.5:
        return max(0, len(data) - chosen.randrange(64) - 1)
    return chosen.randrange(len(data) + 1)


def _bits(data: bytes, chosen: random.Random) -> bytes:
    bad = bytearray(data or b"\0")
    for _ in range(chosen.choice((1, 2, 8))):
        bad[min(_place(data, chosen), len(bad) - 1)] ^= 1 << chosen.randrange(8)
    return bytes(bad)


def _bytes(data: bytes, chosen: random.Random) -> bytes:
    at = _place(data, chosen)
    return data[:at] + chosen.randbytes(chosen.choice((1, 4, 40))) + data[at + chosen.randrange(3) :]


def _ranges(data: bytes, chosen: random.Random) -> bytes:
    start = _place(data, chosen)
    end = min(len(data), start + chosen.choice((1, 8, 64, 512)))
    if chosen.random() < 0.3:
        return data[:start]
    if chosen.random() < 0.5:
        return data[:start] + data[end:]
    return data[:end] + data[start:end] * chosen.choice((1, 2, 50)) + data[end:]


def _tokens(data: bytes, chosen: random.Random) -> bytes:
    at = _place(data, chosen)
    return data[:at] + chosen.choice(_TOKENS) + data[at + chosen.choice((0, 0, 1, 4)) :]


def _scalars(data: bytes, chosen: random.Random) -> bytes:
    """Put something else in the place of a whole word between two separators."""
    words = list(_WORD.finditer(data))
    if not words:
        return data
    word = chosen.choice(words)
    deep = chosen.choice((b"[", b"{a: ", b"(")) * chosen.choice((100, 2_000, 20_000))
    return data[: word.start()] + chosen.choice((*_TOKENS, deep)) + data[word.end() :]


def _numbers(data: bytes, chosen: random.Random) -> bytes:
    at, size = _place(data, chosen), chosen.choice((1, 2, 4, 8))
    number = (chosen.choice(_NUMBERS) % (1 << 8 * size)).to_bytes(size, chosen.choice(("big", "little")))
    return data[:at] + number + data[at + size :]


def _lines(data: bytes, chosen: random.Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at, other = chosen.randrange(len(lines)), chosen.randrange(len(lines))
    if chosen.random() < 0.4:
        lines.insert(at, lines[other])
    elif chosen.random() < 0.5:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        del lines[at]
    return b"".join(lines)


def _deep(data: bytes, chosen: random.Random) -> bytes:
    if chosen.random() < 0.9:
        return data
    at, depth = _place(data, chosen), chosen.choice((100, 2_000, 100_000))
    return data[:at] + chosen.choice((b"[", b'{"a":', b"- ", b"(", b" ")) * depth + data[at:]


def _values(data: bytes, chosen: random.Random) -> bytes:
    """Change a value of a JSON document; anything else is left to the other ways."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return _bits(data, chosen)
    compact = (",", ":") if b", " not in data[:200] else None
    text = json.dumps(_changed(value, chosen), ensure_ascii=chosen.random() < 0.2, separators=compact)
    return text.encode(errors="surrogatepass")


def _changed(value: Any, chosen: random.Random) -> Any:  # noqa: ANN401 -- plain JSON
    if not isinstance(value, dict | list) or not value or chosen.random() < 0.1:
        return chosen.choice(_VALUES)
    copy: Any = value.copy()
    key = chosen.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if chosen.random() < 0.2:
        del copy[key]
    elif isinstance(value, list) and chosen.random() < 0.2:
        copy.append(copy[key])
    else:
        copy[key] = _changed(copy[key], chosen)
    return copy
