"""The SSH wire encoding (RFC 4251, section 5): what keys, signatures and the agent's messages are made of.

Reading is strict: a length that reaches past the end, or bytes left over, is refused. Nothing here knows a key.
"""

from __future__ import annotations

__all__ = ["WireError", "WireReader", "pack_string", "pack_uint32"]

_UINT32_BYTES = 4


class WireError(ValueError):
    """The bytes are not what the encoding says; callers turn it into a sentence of their own."""


class WireReader:
    """Reads one value after another from bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        end = self._position + count
        if end > len(self._data):
            raise WireError("ends too early")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def uint32(self) -> int:
        return int.from_bytes(self.take(_UINT32_BYTES), "big")

    def string(self) -> bytes:
        """Return a string: its length, then its bytes."""
        return self.take(self.uint32())

    def text(self) -> str:
        """Return a string that must be ASCII: names of algorithms, namespaces."""
        try:
            return self.string().decode("ascii")
        except UnicodeDecodeError:
            raise WireError("a name is not ASCII") from None

    def unsigned(self) -> int:
        """Return a multiple-precision integer that must be positive and in its shortest form."""
        data = self.string()
        value = int.from_bytes(data, "big", signed=True)
        if value <= 0 or len(data) != value.bit_length() // 8 + 1:
            raise WireError("a number is not positive or not in its shortest form")
        return value

    def finish(self) -> None:
        """Refuse what is left over."""
        if self._position != len(self._data):
            raise WireError("goes on after its end")


def pack_uint32(value: int) -> bytes:
    """Encode a 32-bit number."""
    return value.to_bytes(_UINT32_BYTES, "big")


def pack_string(value: bytes) -> bytes:
    """Encode a string: its length, then its bytes."""
    return pack_uint32(len(value)) + value
