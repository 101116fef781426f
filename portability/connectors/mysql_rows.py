"""Rows of MariaDB and MySQL in bulk: the packets of a result, cut into Arrow columns where they lie in the block.

The driver logs in and sends the query; then its packets are read here, because it makes several Python objects of each
value, and that took longer than all the rest of an export. A row is one packet (its length in three bytes, its number
in one) of values that each say how long they are: one byte of 0 to 250; 251 for null; 252, 253 and 254 before two,
three and eight bytes of length (dev.mysql.com/doc/dev/mysql-server, "text resultset row"). Where packets begin must be
followed one by one; where values begin is then worked out for all rows of a block at once, column by column.

``IncomingRows(connection, driver)`` right after an unbuffered query; then ``blocks()`` to the end, or ``drain()``.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from portability.connectors.carrying import decoded
from portability.errors import SourceDataError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.connectors.carrying import Carrying

__all__ = ["IncomingRows", "RowBlock", "decode_block"]

# What is cut at once: more than this leaves the processor's cache, less costs a Python call for too few rows.
BLOCK_BYTES = 1024 * 1024
# Positions in a block are counted in 32 bits; a row that needs more could not be held in memory beside its columns.
BLOCK_BYTES_MAX = 1024 * 1024 * 1024
_HEADER_BYTES = 4
_LONGEST_PACKET = 0xFFFFFF  # a packet of this length goes on in the next one
_END, _ERROR = 0xFE, 0xFF
_END_BYTES_MAX = 8  # a row that begins with 0xFE is longer: the length of its first value takes eight bytes
_NULL, _LONG = 251, 250
_LENGTH_BYTES = ((252, 2), (253, 3), (254, 8))
_SERVER_LOST = 2013
_header = Struct("<I").unpack_from

_Positions = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, kw_only=True)
class RowBlock:
    """Some rows: where each begins and ends in ``octets``, which are overwritten when the next block is asked for."""

    octets: bytearray
    begins: _Positions
    ends: _Positions


class IncomingRows:
    """The rows that a connection has begun to receive."""

    def __init__(self, connection: Any, driver: Any) -> None:  # noqa: ANN401 -- not typed that deep, and the module
        # The driver offers no public way to what the server sends.
        self._connection = connection
        self._driver = driver
        self._file = self._connection._rfile  # noqa: SLF001
        self._sequence: int = self._connection._next_seq_id  # noqa: SLF001
        self._octets = bytearray(BLOCK_BYTES)
        self._begun = False
        self._filled = 0  # bytes that have arrived
        self._seen = 0  # bytes of them that are whole packets
        self.finished = False

    def blocks(self, rows_max: int) -> Iterator[RowBlock]:
        """Yield the rows, so many at most at a time.

        Raises:
            pymysql.err.Error: The server reports an error, or the connection is lost.
        """
        while not self.finished:
            begins, ends = self._fill()
            for start in range(0, len(begins), rows_max):
                part = slice(start, start + rows_max)
                yield RowBlock(octets=self._octets, begins=begins[part], ends=ends[part])
            self._make_room()

    def drain(self) -> None:
        """Receive what the server still sends, and drop it; an error that it ends with is what was wanted."""
        try:
            while not self.finished:
                self._fill()
                self._make_room()
        except self._driver.err.Error:
            if not self.finished:
                raise

    def _fill(self) -> tuple[_Positions, _Positions]:
        """Receive until the block is full of whole rows or the result ends."""
        begins: list[int] = []
        end = 0
        while not self.finished and (self._filled < len(self._octets) or self._grow_for(begins)):
            self._receive()
            self._find(begins)
            end = self._seen
            if begins and self._octets[begins[-1]] >= _END:
                end = self._look_for_end(begins, end)
        starts = np.array(begins, np.int64)
        # A row ends where the next one's header begins.
        return starts, np.append(starts[1:] - _HEADER_BYTES, end)[: len(starts)]

    def _receive(self) -> None:
        room = memoryview(self._octets)[self._filled :]
        try:
            if self._begun:
                count = self._file.raw.readinto(room)
            else:
                # What the driver's own reading left in the file's buffer, which is smaller than a block.
                begun = self._file.read1(len(room))
                count = len(begun)
                room[:count] = begun
                self._begun = True
        except OSError:
            count = 0
        if not count:
            raise self._lost()
        self._filled += count

    def _find(self, begins: list[int]) -> None:
        """Note the packets that have arrived whole. This runs once for each row: nothing is called that need not be."""
        octets, place, sequence = self._octets, self._seen, self._sequence
        last = self._filled - _HEADER_BYTES
        while place <= last:
            (word,) = _header(octets, place)
            end = place + _HEADER_BYTES + (word & _LONGEST_PACKET)
            if end > self._filled:
                break
            if word >> 24 != sequence:
                raise self._lost()
            if word & _LONGEST_PACKET == _LONGEST_PACKET:
                found = self._join(place)
                if found is None:
                    break
                end, sequence = found
                last = self._filled - _HEADER_BYTES
            begins.append(place + _HEADER_BYTES)
            place, sequence = end, (sequence + 1) & 0xFF
        self._seen, self._sequence = place, sequence

    def _join(self, place: int) -> tuple[int, int] | None:
        """Take the headers out of a row that goes on in further packets; None when they have not all arrived."""
        parts, end = [], place
        while True:
            if end + _HEADER_BYTES > self._filled:
                return None
            (word,) = _header(self._octets, end)
            length = word & _LONGEST_PACKET
            parts.append((end + _HEADER_BYTES, length))
            end += _HEADER_BYTES + length
            if end > self._filled:
                return None
            if length < _LONGEST_PACKET:
                break
        row = b"".join(self._octets[start : start + length] for start, length in parts)
        rest = self._octets[end : self._filled]
        joined = place + _HEADER_BYTES + len(row)
        self._filled = joined + len(rest)
        self._octets[place + _HEADER_BYTES : joined] = row
        self._octets[joined : self._filled] = rest
        return joined, word >> 24

    def _look_for_end(self, begins: list[int], end: int) -> int:
        """Take the last packet out if it is no row, as nothing follows it; return where the last row ends."""
        if self._octets[begins[-1]] == _END and end - begins[-1] > _END_BYTES_MAX:
            return end
        begin = begins.pop()
        self.finished = True
        self._connection._result.unbuffered_active = False  # noqa: SLF001
        if self._octets[begin] == _ERROR:
            self._driver.err.raise_mysql_exception(bytes(self._octets[begin:end]))
        return begin - _HEADER_BYTES

    def _grow_for(self, begins: list[int]) -> bool:
        """Make a larger block when not one row fits in."""
        if begins:
            return False
        if len(self._octets) >= BLOCK_BYTES_MAX:
            hint = "Exclude its longest columns in the profile, or name them as documents."
            raise SourceDataError("a row is too large to be read", hint=hint)
        self._octets = self._octets + bytes(len(self._octets))
        return True

    def _make_room(self) -> None:
        """Begin the next block with what is left of this one: a row that has not arrived whole."""
        rest = self._octets[self._seen : self._filled]
        if len(self._octets) > BLOCK_BYTES > len(rest):
            self._octets = bytearray(BLOCK_BYTES)
        self._octets[: len(rest)] = rest
        self._filled, self._seen = len(rest), 0

    def _lost(self) -> Exception:
        self._connection._result.unbuffered_active = False  # noqa: SLF001
        self._connection._force_close()  # noqa: SLF001
        error: Exception = self._driver.err.OperationalError(_SERVER_LOST, "lost connection to the server")
        return error


def decode_block(block: RowBlock, carryings: Sequence[Carrying], schema: pa.Schema) -> pa.RecordBatch:
    """Turn rows into one batch of ``schema``; the carryings are the result's columns, in their order.

    Raises:
        SourceDataError: A text is not of its declared type, or not UTF-8.
    """
    octets = np.frombuffer(block.octets, np.uint8)
    place = block.begins
    columns = []
    try:
        for carrying in carryings:
            begins, lengths, nulls = _lengths(octets, place)
            place = begins + lengths
            columns.append(_column(_gather(block.octets, begins, place, nulls), carrying))
    except IndexError:
        place = block.begins
    if not np.array_equal(place, block.ends):
        raise SourceUnavailableError("the server's answer cannot be understood", hint="Try again.")
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _lengths(
    octets: np.ndarray[tuple[int], np.dtype[np.uint8]], place: _Positions
) -> tuple[_Positions, _Positions, np.ndarray[tuple[int], np.dtype[np.bool_]] | None]:
    """Where the values that begin at ``place`` have their bytes, how many, and which are null."""
    marks = octets[place]
    begins, lengths = place + 1, marks.astype(np.int64)
    if not (marks > _LONG).any():
        return begins, lengths, None
    nulls = marks == _NULL
    lengths[nulls] = 0
    for mark, width in _LENGTH_BYTES:
        rows = np.flatnonzero(marks == mark)
        if rows.size:
            digits = octets[begins[rows, None] + np.arange(width)].astype(np.int64)
            lengths[rows] = digits @ (np.int64(1) << (8 * np.arange(width)))
            begins[rows] += width
    return begins, lengths, nulls


def _gather(
    octets: bytearray, begins: _Positions, ends: _Positions, nulls: np.ndarray[tuple[int], np.dtype[np.bool_]] | None
) -> pa.Array:
    """Copy values out of a block: with what lies between them they are an array, every other one of which is taken."""
    count = len(begins)
    offsets = np.empty(2 * count, np.int32)
    offsets[0::2], offsets[1::2] = begins, ends
    both = pa.Array.from_buffers(pa.binary(), 2 * count - 1, [None, pa.py_buffer(offsets), pa.py_buffer(octets)])
    return both.take(pa.array(np.arange(0, 2 * count, 2, dtype=np.int32), mask=nulls))


def _column(values: pa.Array, carrying: Carrying) -> pa.Array:
    kind = carrying.arrow if carrying.codec == "native" else carrying.transport
    try:
        if not pa.types.is_binary(kind):
            values = values.cast(pa.string()).cast(kind)
        return values if carrying.codec == "native" else decoded(values, carrying)
    except pa.ArrowInvalid as error:
        # The library quotes the value, which is client data.
        raise SourceDataError(f"a value of {carrying.name} is not of its declared type") from error
