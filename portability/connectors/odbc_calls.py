"""ODBC's own functions, by ctypes: each value in the C type that is asked for, and nothing made of it afterwards.

pyodbc chooses the C type of a column by itself and one only; whoever has no SQL of the DBMS to rely on must ask in two
ways and compare. Runs in the driver's process alone (``odbc_generic_worker``): a call may crash.

Legal order: ``Connection`` -> ``begin`` -> ``catalogue`` or ``Cursor``, one cursor at a time.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from ctypes import byref, c_int, c_int16, c_ssize_t, c_uint16, c_uint32, c_void_p
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["FORMS", "ISOLATIONS", "Connection", "Cursor", "DriverFailure"]

# Numbers of the standard (sql.h, sqlext.h).
_ENVIRONMENT, _CONNECTION, _STATEMENT = 1, 2, 3
_WITH_INFO, _NO_DATA = 1, 100
_TEXT_END = -3
_NULL, _NO_TOTAL = -1, -4
_ODBC_VERSION, _ACCESS_MODE, _AUTOCOMMIT, _LOGIN_TIMEOUT, _ISOLATION, _NOSCAN = 200, 101, 102, 103, 108, 2
_TRANSACTIONS, _ISOLATIONS_OFFERED = 46, 72
# Of transactions, the strictest first; what is weaker holds nothing still.
ISOLATIONS = (("SERIALIZABLE", 8), ("REPEATABLE READ", 4))
_CHAR, _WCHAR, _BINARY = 1, -8, -2
_END_BYTES = {_CHAR: 1, _WCHAR: 2, _BINARY: 0}
_PIECE_BYTES_MAX = 1024 * 1024
# Places where a value is cut are others in the second reading: a driver that loses something there is found out.
_FIRST_PIECE_BYTES = (64 * 1024, 1000)
_MESSAGE_CHARS = 1000


class DriverFailure(Exception):  # noqa: N818 -- of a call, not of ours
    """A call failed: its SQLSTATE, and the DBMS's own number in brackets with the driver's text."""


def _manager() -> Any:  # noqa: ANN401 -- a library
    names = {"win32": "odbc32.dll", "darwin": "libodbc.2.dylib"}
    load = getattr(ctypes, "WinDLL", ctypes.CDLL)
    try:
        library = load(names.get(sys.platform, "libodbc.so.2"))
    except OSError as error:
        raise ImportError("no odbc driver manager: libodbc.so") from error
    wide, small = c_void_p, c_int16
    library.SQLGetData.argtypes = [c_void_p, c_uint16, small, c_void_p, c_ssize_t, c_void_p]
    library.SQLAllocHandle.argtypes = [small, c_void_p, c_void_p]
    library.SQLFreeHandle.argtypes = [small, c_void_p]
    library.SQLSetEnvAttr.argtypes = [c_void_p, c_int, c_void_p, c_int]
    library.SQLSetConnectAttrW.argtypes = [c_void_p, c_int, c_void_p, c_int]
    library.SQLGetConnectAttrW.argtypes = [c_void_p, c_int, c_void_p, c_int, c_void_p]
    library.SQLSetStmtAttrW.argtypes = [c_void_p, c_int, c_void_p, c_int]
    library.SQLDriverConnectW.argtypes = [c_void_p, c_void_p, wide, small, c_void_p, small, c_void_p, c_uint16]
    library.SQLGetInfoW.argtypes = [c_void_p, c_uint16, c_void_p, small, c_void_p]
    library.SQLGetDiagRecW.argtypes = [small, c_void_p, small, c_void_p, c_void_p, c_void_p, small, c_void_p]
    library.SQLExecDirectW.argtypes = [c_void_p, wide, c_int]
    library.SQLPrepareW.argtypes = [c_void_p, wide, c_int]
    library.SQLNumResultCols.argtypes = [c_void_p, c_void_p]
    library.SQLEndTran.argtypes = [small, c_void_p, small]
    for name in ("SQLExecute", "SQLFetch", "SQLDisconnect"):
        getattr(library, name).argtypes = [c_void_p]
    named = [wide, small]
    library.SQLTablesW.argtypes = [c_void_p, *named * 4]
    library.SQLColumnsW.argtypes = [c_void_p, *named * 4]
    library.SQLPrimaryKeysW.argtypes = [c_void_p, *named * 3]
    library.SQLForeignKeysW.argtypes = [c_void_p, *named * 6]
    library.SQLStatisticsW.argtypes = [c_void_p, *named * 3, c_uint16, c_uint16]
    library.SQLGetTypeInfoW.argtypes = [c_void_p, small]
    for name in [each for each in vars(library) if each.startswith("SQL")]:
        getattr(library, name).restype = c_int16  # SQLRETURN; the rest of the register may hold anything
    return library


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"


class Connection:
    """A connection, read-only where the driver can promise that."""

    def __init__(self, string: str, *, login_timeout_s: int) -> None:
        self.library = _manager()
        environment = self._handle(_ENVIRONMENT, None)
        self.library.SQLSetEnvAttr(environment, _ODBC_VERSION, 3, 0)
        self.handle = self._handle(_CONNECTION, environment)
        for attribute, value in ((_LOGIN_TIMEOUT, login_timeout_s), (_ACCESS_MODE, 1)):
            self._set(attribute, value)
        code = self.library.SQLDriverConnectW(self.handle, None, _wide(string), _TEXT_END, None, 0, None, 0)
        self.check(code, _CONNECTION, self.handle)

    def _handle(self, kind: int, parent: c_void_p | None) -> c_void_p:
        handle = c_void_p()
        if self.library.SQLAllocHandle(kind, parent, byref(handle)):
            raise DriverFailure("HY001", "(0) no handle")
        return handle

    def _set(self, attribute: int, value: int) -> bool:
        return int(self.library.SQLSetConnectAttrW(self.handle, attribute, c_void_p(value), 0)) in (0, _WITH_INFO)

    def check(self, code: int, kind: int, handle: c_void_p) -> str:
        """Return the SQLSTATE of a warning, mostly none.

        Raises:
            DriverFailure: The call failed.
        """
        if code in (0, _NO_DATA):
            return ""
        state, number = ctypes.create_string_buffer(12), c_int()
        text, length = ctypes.create_string_buffer(2 * _MESSAGE_CHARS), c_int16()
        self.library.SQLGetDiagRecW(kind, handle, 1, state, byref(number), text, _MESSAGE_CHARS, byref(length))
        told = state.raw[:10].decode("utf-16-le", "replace").rstrip("\0")
        if code == _WITH_INFO:
            return told
        said = text.raw[: 2 * max(0, min(length.value, _MESSAGE_CHARS - 1))].decode("utf-16-le", "replace")
        raise DriverFailure(told, f"({number.value}) {said}")

    def told(self, what: int) -> str:
        """What the driver says of itself and the DBMS, in words; empty where it says nothing."""
        text, length = ctypes.create_string_buffer(2 * _MESSAGE_CHARS), c_int16()
        if self.library.SQLGetInfoW(self.handle, what, text, len(text), byref(length)) not in (0, _WITH_INFO):
            return ""
        # Not every driver ends what it writes.
        return text.raw[: max(0, length.value)].decode("utf-16-le", "replace").partition("\0")[0]

    def figure(self, what: int) -> int:
        """What the driver says of itself as a number or a set of bits; 0 where it says nothing."""
        number = c_uint32()
        code = self.library.SQLGetInfoW(self.handle, what, byref(number), 4, None)
        return number.value if code in (0, _WITH_INFO) else 0

    def begin(self) -> str:
        """Begin the strictest transaction that the driver offers; return its name, empty when there is none."""
        offered = self.figure(_ISOLATIONS_OFFERED) if self.figure(_TRANSACTIONS) else 0
        for name, level in ISOLATIONS:
            if offered & level and self._set(_ISOLATION, level) and self._is_at(level) and self._set(_AUTOCOMMIT, 0):
                return name
        return ""

    def _is_at(self, level: int) -> bool:
        number = c_uint32()
        code = self.library.SQLGetConnectAttrW(self.handle, _ISOLATION, byref(number), 4, None)
        return code in (0, _WITH_INFO) and number.value == level

    def catalogue(self, function: str, names: Sequence[str | None], numbers: Sequence[int]) -> list[list[str | None]]:
        """Call one of the catalogue functions and return its rows as texts."""
        with Cursor(self, second=False) as cursor:
            wide = [None if name is None else _wide(name) for name in names]
            arguments = [part for name in wide for part in (name, 0 if name is None else _TEXT_END)]
            cursor.check(getattr(self.library, f"{function}W")(cursor.handle, *arguments, *numbers))
            places = range(1, cursor.width() + 1)
            rows = []
            while cursor.fetch():
                rows.append([cursor.text(place) for place in places])
            return rows

    def close(self) -> None:
        """Give the transaction up and end the connection."""
        self.library.SQLEndTran(_CONNECTION, self.handle, 1)
        self.library.SQLDisconnect(self.handle)


class Cursor:
    """One statement and its rows. A method of a form (``FORMS``) gives a column of the row as text, None for a null.

    Columns are asked for from left to right, each once: not every driver can do more. Texts are UTF-8 when they come
    from here; halves of surrogate pairs are kept as such.
    """

    def __init__(self, connection: Connection, *, second: bool) -> None:
        self._connection = connection
        self._library = connection.library
        self.handle = connection._handle(_STATEMENT, connection.handle)  # noqa: SLF001 -- its own
        self._second = second
        self._first_bytes = _FIRST_PIECE_BYTES[second]
        self._buffer = ctypes.create_string_buffer(_PIECE_BYTES_MAX)
        self._length = c_ssize_t()
        self._is_at_end = False
        self.value_bytes_max = 0  # no bound
        self._library.SQLSetStmtAttrW(self.handle, _NOSCAN, c_void_p(1), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give its rows up."""
        self._library.SQLFreeHandle(_STATEMENT, self.handle)

    def check(self, code: int) -> str:
        """As the connection's."""
        return self._connection.check(code, _STATEMENT, self.handle)

    def execute(self, sql: str) -> None:
        """Run a statement: at once, or for a second reading in two steps, which some drivers answer otherwise."""
        if self._second:
            self.check(self._library.SQLPrepareW(self.handle, _wide(sql), _TEXT_END))
            self.check(self._library.SQLExecute(self.handle))
        else:
            self.check(self._library.SQLExecDirectW(self.handle, _wide(sql), _TEXT_END))

    def width(self) -> int:
        """The number of columns."""
        number = c_int16()
        self.check(self._library.SQLNumResultCols(self.handle, byref(number)))
        return number.value

    def fetch(self) -> bool:
        """Go to the next row; False behind the last, where some drivers would begin again."""
        if not self._is_at_end:
            code = self._library.SQLFetch(self.handle)
            self.check(code)
            self._is_at_end = code == _NO_DATA
        return not self._is_at_end

    # -- values -------------------------------------------------------------------------------------------------------

    def _pieces(self, place: int, kind: int) -> bytes | None:
        """A value of any length."""
        parts: list[bytes] = []
        size, announced, total = self._first_bytes, _NO_TOTAL, 0
        while True:
            code = self._library.SQLGetData(self.handle, place, kind, self._buffer, size, byref(self._length))
            if code == _NO_DATA:
                if parts:
                    break
                raise DriverFailure("07006", "(0) the driver gives no value")
            self._keep(self.check(code))
            length, room = self._length.value, size - _END_BYTES[kind]
            if length == _NULL:
                return None
            announced = length if not parts else announced
            is_last = length != _NO_TOTAL and length <= room
            parts.append(ctypes.string_at(self._buffer, length if is_last else room))
            total += len(parts[-1])
            if self.value_bytes_max and max(total, announced) > self.value_bytes_max:
                raise DriverFailure("portability", "(0) a value is too long")
            if is_last:
                break
            size = min(2 * size, _PIECE_BYTES_MAX)
        if announced not in (_NO_TOTAL, total):
            raise DriverFailure("01004", "(0) the driver gives less than it announces")
        return b"".join(parts)

    @staticmethod
    def _keep(warning: str) -> None:
        """A value that a driver rounds is no value; that there is more of it (01004) is."""
        if warning in ("01S07", "22001", "22003"):
            raise DriverFailure("01S07", "(0) the driver rounds")

    def _fixed(self, place: int, kind: int, *forms: str) -> tuple[Any, ...] | None:
        """A value of fixed size; the driver says which it is of the sizes that the forms have."""
        code = self._library.SQLGetData(self.handle, place, kind, self._buffer, 64, byref(self._length))
        if code == _NO_DATA:
            raise DriverFailure("07006", "(0) the driver gives no value")
        self._keep(self.check(code))
        if self._length.value == _NULL:
            return None
        for form in forms:
            if struct.calcsize(form) == self._length.value:
                return struct.unpack_from(form, self._buffer)
        raise DriverFailure("07006", "(0) the driver gives a value of another size")

    def text(self, place: int) -> str | None:
        """Wide characters."""
        octets = self._pieces(place, _WCHAR)
        return None if octets is None else octets.decode("utf-16-le", "surrogatepass")

    def narrow(self, place: int) -> str | None:
        """Characters of one byte, as numbers and dates have."""
        octets = self._pieces(place, _CHAR)
        return None if octets is None else octets.decode("latin-1")

    def characters(self, place: int) -> str | None:
        """Characters in the process's encoding: UTF-8, or where they are none, Windows' own."""
        octets = self._pieces(place, _CHAR)
        if octets is None or octets.isascii():
            return None if octets is None else octets.decode("ascii")
        try:
            return octets.decode()
        except UnicodeDecodeError:
            return octets.decode("cp1252", "replace")

    def octets(self, place: int) -> str | None:
        """Bytes, in hexadecimal digits."""
        octets = self._pieces(place, _BINARY)
        return None if octets is None else octets.hex()

    def integer(self, place: int) -> str | None:
        """A signed number of 64 bits."""
        found = self._fixed(place, -25, "=q")
        return None if found is None else str(found[0])

    def unsigned(self, place: int) -> str | None:
        """An unsigned number of 64 bits."""
        found = self._fixed(place, -27, "=Q")
        return None if found is None else str(found[0])

    def double(self, place: int) -> str | None:
        """A binary float, in the digits that name it and no other."""
        # One driver gives a single where a double is asked for, and says so.
        found = self._fixed(place, 8, "=d", "=f")
        return None if found is None else repr(found[0])

    def bit(self, place: int) -> str | None:
        """0 or 1."""
        found = self._fixed(place, -7, "=B")
        return None if found is None else str(found[0])

    def date(self, place: int) -> str | None:
        """Year, month and day."""
        found = self._fixed(place, 91, "=hHH")
        return None if found is None else "{:04}-{:02}-{:02}".format(*found)

    def timestamp(self, place: int) -> str | None:
        """A day, a time, and nanoseconds."""
        found = self._fixed(place, 93, "=hHHHHHI")
        return None if found is None else "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:09}".format(*found)

    def guid(self, place: int) -> str | None:
        """A UUID by its parts."""
        found = self._fixed(place, -11, "=IHH8s")
        if found is None:
            return None
        tail = found[3].hex()
        return f"{found[0]:08x}-{found[1]:04x}-{found[2]:04x}-{tail[:4]}-{tail[4:]}"


FORMS: dict[str, Callable[[Cursor, int], str | None]] = {
    "text": Cursor.text,
    "narrow": Cursor.narrow,
    "characters": Cursor.characters,
    "octets": Cursor.octets,
    "integer": Cursor.integer,
    "unsigned": Cursor.unsigned,
    "double": Cursor.double,
    "bit": Cursor.bit,
    "date": Cursor.date,
    "timestamp": Cursor.timestamp,
    "guid": Cursor.guid,
}
