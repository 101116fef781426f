"""What crosses the pipe between an ODBC reader's process and ours: frames of JSON, and of rows as Arrow IPC.

A frame is its kind (one byte), its length (eight bytes, big-endian) and its payload. The connection string goes this
way too, and never over a command line.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["HEAD_BYTES", "Frame", "frame_document", "frame_rows", "parse_frame", "parse_head"]

_HEAD = struct.Struct(">cQ")
HEAD_BYTES = _HEAD.size
_DOCUMENT, _ROWS = b"J", b"A"

# Either a document, or rows.
Frame: TypeAlias = dict[str, Any] | pa.RecordBatch


class Head(NamedTuple):
    """A frame's first bytes."""

    kind: bytes
    size: int


def frame_document(document: Mapping[str, Any]) -> bytes:
    """Return the frame of a document."""
    payload = json.dumps(document).encode()
    return _HEAD.pack(_DOCUMENT, len(payload)) + payload


def frame_rows(batch: pa.RecordBatch, write: Callable[[bytes | memoryview], Any]) -> None:
    """Write the frame of some rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    payload = sink.getvalue()
    write(_HEAD.pack(_ROWS, payload.size))
    write(memoryview(payload))


def parse_head(octets: bytes) -> Head:
    """Return the kind and size of the frame that begins with these bytes."""
    return Head(*_HEAD.unpack(octets))


def parse_frame(kind: bytes, payload: bytes) -> Frame:
    """Return what a frame holds.

    Raises:
        ValueError: It is no frame of ours.
    """
    if kind == _DOCUMENT:
        document: dict[str, Any] = json.loads(payload)
        return document
    if kind != _ROWS:
        raise ValueError("no frame of ours")
    with pa.ipc.open_stream(payload) as reader:
        return reader.read_next_batch()
