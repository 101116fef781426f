"""Dumps that are packed, or folders of files: whole, or refused wherever they were cut off. No server is needed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from portability.connectors import open_connector
from portability.connectors.dump_directory import copy_directory, directory_hash
from portability.connectors.dump_packed import unpacked
from portability.connectors.dump_tar import require_whole_tar
from portability.errors import ConfigError, ConnectorError, PortabilityError, SourceDataError
from portability.limits import DEFAULT_LIMITS

MIB = 1024 * 1024
STATEMENTS = [f"INSERT INTO client VALUES ({n}, 'Ann Owen {n * 7919}');\n" for n in range(8_000)]
SCRIPT = "".join(STATEMENTS).encode()


def by_program(program: str) -> Callable[[bytes], bytes]:
    """Pack with the system's own program, or skip."""

    def pack(content: bytes) -> bytes:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        return subprocess.run([program, "-cq"], input=content, capture_output=True, check=True).stdout

    return pack


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": by_program("zstd"),
    "lz4": by_program("lz4"),
}


@pytest.mark.parametrize("name", PACKERS)
def test_packed_file_is_unpacked_whole_or_refused(name: str, tmp_path: Path) -> None:
    """Cut off at random places, its first and last bytes among them."""
    path, packed = tmp_path / "firm.sql", PACKERS[name](SCRIPT)
    path.write_bytes(packed)
    assert b"".join(unpacked(path, DEFAULT_LIMITS)) == SCRIPT
    path.write_bytes(packed + packed)  # programs that pack in parallel write several ends
    assert b"".join(unpacked(path, DEFAULT_LIMITS)) == SCRIPT * 2
    dice = random.Random(7)
    for length in (7, len(packed) - 1, *(dice.randrange(7, len(packed)) for _ in range(6))):
        path.write_bytes(packed[:length])
        with pytest.raises(SourceDataError, match="cannot be unpacked to its end"):
            list(unpacked(path, DEFAULT_LIMITS))


@pytest.mark.parametrize("name", ["gzip", "xz", "bzip2"])
def test_packed_file_that_is_damaged_is_refused(name: str, tmp_path: Path) -> None:
    """One byte of it is another one."""
    path, packed = tmp_path / "firm.sql", bytearray(PACKERS[name](SCRIPT))
    packed[len(packed) // 2] ^= 0x55
    path.write_bytes(packed)
    with pytest.raises(SourceDataError, match="cannot be unpacked to its end"):
        list(unpacked(path, DEFAULT_LIMITS))


@pytest.mark.parametrize("name", ["gzip", "xz", "bzip2"])
def test_packed_zeros_come_in_pieces(name: str, tmp_path: Path) -> None:
    """A few kilobytes may stand for gigabytes: none of them is held at once."""
    (tmp_path / "firm.sql").write_bytes(PACKERS[name](bytes(16 * MIB)))
    assert max(map(len, unpacked(tmp_path / "firm.sql", DEFAULT_LIMITS))) <= MIB


def test_packed_file_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    """An xz file says how much it takes."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 16 * MIB}]
    (tmp_path / "firm.sql").write_bytes(lzma.compress(SCRIPT, filters=filters))
    with pytest.raises(SourceDataError):
        list(unpacked(tmp_path / "firm.sql", replace(DEFAULT_LIMITS, dump_unpack_bytes_max=8 * MIB)))


@pytest.mark.parametrize(
    ("head", "words", "mend"),
    [
        (b"MSSQLBAK\x02\x00", "SQL Server backup", "Restore it with SQL Server"),
        (b"\x00\x01\x00\x00Standard ACE DB\x00", r"Access database \(.accdb\)", "odbc:///"),
        (b"PK\x03\x04\x14", "ZIP archive", "Unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip", "Unpack it"),
        (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "script of SQLite", "sqlite3 firm.db"),
    ],
)
def test_file_that_is_not_restored_here_says_what_to_do(tmp_path: Path, head: bytes, words: str, mend: str) -> None:
    """Packed once more, as they are sent."""
    (tmp_path / "firm.bak.gz").write_bytes(gzip.compress(head + bytes(1000)))
    with (
        pytest.raises(ConnectorError, match=words) as caught,
        open_connector(f"dump:///{tmp_path}/firm.bak.gz").snapshot(),
    ):
        pass
    assert mend in caught.value.hint


def test_tar_is_walked_to_its_end_or_refused(tmp_path: Path) -> None:
    """A cut between two members, in a header, in a member, in the padding; pg_restore would wait for ever."""
    with tarfile.open(tmp_path / "firm.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, size in (("toc.dat", 700), ("3301.dat", 0), ("3302.dat", 5000), ("restore.sql", 512)):
            info = tarfile.TarInfo(name)
            info.size = size
            tar.addfile(info, io.BytesIO(bytes(size)))  # zeros within a member end nothing
    content = (tmp_path / "firm.tar").read_bytes()
    end = 4 * 512 + 1024 + 5120 + 512
    for pieces in ([content], [content[at : at + 700] for at in range(0, len(content), 700)]):
        require_whole_tar(iter(pieces), place="firm.tar")
    dice = random.Random(7)
    for length in (0, 100, 512, 1536, end, end + 511, *(dice.randrange(end) for _ in range(20))):
        with pytest.raises(SourceDataError, match="cut off"):
            require_whole_tar(iter([content[:length]]), place="firm.tar")
    with pytest.raises(SourceDataError, match="damaged"):
        require_whole_tar(iter([b"x" + content[1:]]), place="firm.tar")


def test_sqlite_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    """Between two pages as well as within one."""
    path = tmp_path / "firm.bak"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO client VALUES (?, ?)", [(n, f"Ann Owen {n}") for n in range(2000)])
    connection.close()
    content, dice = path.read_bytes(), random.Random(7)
    assert len(content) > 8 * 4096
    whole = [4096, 8192, len(content) - 4096, len(content) - 1]
    for length in (*whole, *(dice.randrange(100, len(content)) for _ in "12")):
        path.write_bytes(content[:length])
        with pytest.raises(PortabilityError):
            read_all(path)


def read_all(path: Path) -> None:
    """Read every row of a dump."""
    with open_connector(f"dump:///{path}").snapshot() as snapshot:
        for table in snapshot.discover().tables:
            for _ in snapshot.read(snapshot.plan(table)):
                pass


ROWS = b"1\tAnn\n2\tOwen\n\\.\n\n\n"


def directory(folder: Path, **files: bytes) -> Path:
    """Write what pg_dump's directory format consists of."""
    folder.mkdir()
    toc = b"PGDMP\x01\x0e\x00\x04\x08\x03 COPY public.client (id, name) FROM stdin;\n"
    named = {"toc.dat": toc, "3301.dat.gz": gzip.compress(ROWS), "3302.dat": b"\\.\n\n\n"}
    named |= {"blob_17.dat.gz": gzip.compress(b"Dear Sirs"), "blobs.toc": b"17 blob_17.dat\n"}
    for name, content in (named | {name.replace("__", "."): content for name, content in files.items()}).items():
        if content:
            (folder / name).write_bytes(content)
    return folder


def test_directory_is_copied_for_its_server_with_the_hash_that_it_had(tmp_path: Path) -> None:
    """Other files in the folder are none of the dump."""
    source = directory(tmp_path / "dump", README__txt=b"Dear Sirs")
    copy_directory(source, tmp_path / "copy", limits=DEFAULT_LIMITS)
    assert directory_hash(tmp_path / "copy") == directory_hash(source)
    assert not (tmp_path / "copy/README.txt").exists()
    (source / "3302.dat").write_bytes(ROWS)
    assert directory_hash(tmp_path / "copy") != directory_hash(source)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"3301__dat__gz": gzip.compress(ROWS)[:-3]}, "cannot be unpacked"),
        ({"3301__dat__gz": b"\x1f"}, "not packed as its name says"),
        ({"3301__dat__gz": gzip.compress(ROWS[:7])}, "rows are cut off"),
        ({"3302__dat": b""}, None),
        ({"3302__dat": b"1\ta\n"}, "rows are cut off"),
        ({"3302__dat": ROWS[:-1]}, "rows are cut off"),
        ({"3302__dat": b"a;\n\n\n"}, "rows are cut off"),
        ({"blob_17__dat__gz": gzip.compress(b"Dear Sirs")[:-1]}, "cannot be unpacked"),
        ({"blobs__toc": b"17 blob_1"}, "list of large objects is cut off"),
        ({"blobs__toc": b""}, "is in no list"),
        ({"blob_18__dat": b"Dear Sirs", "blobs__toc": b"17 blob_17.dat\n18 blob_18.dat\n"}, "not packed"),
    ],
)
def test_directory_of_which_a_file_is_cut_off_is_refused(
    files: dict[str, bytes], words: str | None, tmp_path: Path
) -> None:
    """pg_restore would take what is there for all; a file that is missing, it misses itself."""
    source = directory(tmp_path / "dump", **files)
    if words is None:
        copy_directory(source, tmp_path / "copy", limits=DEFAULT_LIMITS)
        return
    with pytest.raises(SourceDataError, match=words) as caught:
        copy_directory(source, tmp_path / "copy", limits=DEFAULT_LIMITS)
    assert "Ask for the" in caught.value.hint or "ask for the" in caught.value.hint


def test_directory_written_as_inserts_ends_in_a_statement(tmp_path: Path) -> None:
    """Its tables end otherwise; an empty one has no statement."""
    toc, insert = b"PGDMP\x01\x0e\x00", b"INSERT INTO public.client VALUES (1);\n"
    source = directory(tmp_path / "dump", toc__dat=toc, **{"3301__dat__gz": gzip.compress(insert + b"\n\n")}, x=b"")
    (source / "3302.dat").write_bytes(b"\n\n")
    copy_directory(source, tmp_path / "copy", limits=DEFAULT_LIMITS)
    (source / "3302.dat").write_bytes(insert)
    with pytest.raises(SourceDataError, match="rows are cut off"):
        copy_directory(source, tmp_path / "again", limits=DEFAULT_LIMITS)


def test_directory_with_a_link_or_without_a_list_is_refused(tmp_path: Path) -> None:
    """Whoever sends a folder does not choose which of our files are read."""
    source = directory(tmp_path / "dump")
    (source / "3303.dat").symlink_to("/etc/passwd")
    with (
        pytest.raises(ConnectorError, match="is a link"),
        open_connector(f"dump:///{source}").snapshot(),
    ):
        pass
    (tmp_path / "empty").mkdir()
    with (
        pytest.raises(ConfigError, match="no dump in it"),
        open_connector(f"dump:///{tmp_path}/empty").snapshot(),
    ):
        pass


def test_directory_larger_than_its_room_is_refused(tmp_path: Path) -> None:
    """It is copied: the room is the one that a dump may have."""
    source = directory(tmp_path / "dump")
    with pytest.raises(SourceDataError, match="too large"):
        copy_directory(source, tmp_path / "copy", limits=replace(DEFAULT_LIMITS, dump_bytes_max=100))
