"""Placing documents: a tree with readable names, an object store, a column; read back, resumed, never overwritten."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portability.archive import Archive, document_path
from portability.errors import ConfigError, MappingError
from portability.importing.documents import DocumentsPlaced, check_placement, place_documents
from portability.importing.documents_store import _is_absent
from portability.limits import DEFAULT_LIMITS
from portability.model import arrow_schema, load_model
from portability.profiles import load_profile
from portability.targets import open_target
from portability.targets.crosswalk import CROSSWALK, bookkeeping_ddl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.profiles import Profile
    from tests.conftest import MakeDatabase

FILES = {"1": b"a letter\n", "2": b"another letter\n", "3": b"", "4": b"\x00\xff" * 40_000}
NAMES = {"1": "Letter.txt", "2": "LETTER.TXT", "3": 'what? "this": a/b.txt', "4": "scan.pdf"}
ROWS = (
    "SELECT v.id AS _id, v.file_sha256 AS sha256, v.availability AS availability, d.file_name AS name, "
    "d.folder_path AS folder_path, 'Owen & Sons' AS client FROM document_version AS v "
    "JOIN document AS d ON d.id = v.document_id"
)
TREE = {"kind": "tree", "path": "{client}/{folder_path}/{name}", "rows": ROWS}
OBJECTS = {"kind": "objects", "path": "{sha256}", "rows": ROWS}


@dataclass(frozen=True, kw_only=True)
class Office:
    """An archive of four documents and one without bytes, and a target that has the rows of three of them."""

    archive: Archive
    url: str
    place: Path
    profile: Profile

    def place_all(self, entry: dict[str, Any], place: str | None = None) -> DocumentsPlaced:
        """Place by one entry of ``load.documents``."""
        profile = with_documents(self.profile, entry)
        with open_target(self.url, limits=DEFAULT_LIMITS) as target:
            where = str(self.place) if place is None else place
            return place_documents(self.archive, profile, target, where, limits=DEFAULT_LIMITS)

    def found(self) -> dict[str, bytes]:
        """What lies in the place."""
        return {str(p.relative_to(self.place)): p.read_bytes() for p in self.place.rglob("*") if p.is_file()}


def with_documents(profile: Profile, entry: dict[str, Any]) -> Profile:
    """The successor's profile with one entry of ``load.documents``."""
    assert profile.load is not None
    return replace(profile, load=replace(profile.load, documents={"papers": entry}))


def write_archive(root: Path) -> Archive:
    """The part of an archive that placing reads."""
    versions, documents = [], []
    for key in (*FILES, "5"):
        content = FILES.get(key)
        sha256 = None if content is None else hashlib.sha256(content).hexdigest()
        if content is not None and sha256 is not None:
            path = root / "data" / document_path(sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        shared = {"id": key, "source_system": "x", "source_key": f"D/{key}", "is_deleted": False}
        availability = "present" if sha256 else "missing_in_source"
        version = {"document_id": key, "version_number": 1, "file_sha256": sha256, "availability": availability}
        versions.append(shared | version)
        name = NAMES.get(key, "lost.txt")
        flags = {"is_locked": False, "is_in_bin": False, "folder_path": "in/2024"}
        documents.append(shared | flags | {"title": name, "file_name": name})
    (root / "data/tables").mkdir(parents=True)
    for entity, rows in (("document", documents), ("document_version", versions)):
        table = pa.Table.from_pylist(rows, schema=arrow_schema(load_model().entity(entity)))
        pq.write_table(table, root / f"data/tables/{entity}.parquet")
    (root / "bagit.txt").write_text("BagIt-Version: 1.0\n", encoding="utf-8")
    return Archive(root)


def prepare_target(url: str) -> None:
    """A table of messages with a column for bytes, and a crosswalk that knows three of the five rows."""
    kind = {"postgresql": "bytea", "mariadb": "longblob"}
    with open_target(url, limits=DEFAULT_LIMITS) as target:
        for statement in bookkeeping_ddl(target):
            target.execute(statement)
        content = kind.get(target.dbms, "blob")
        target.execute(f"CREATE TABLE messages (id integer PRIMARY KEY, content {content}, path varchar(300))")
        for key in ("1", "2", "4", "5"):
            target.execute(f"INSERT INTO messages (id) VALUES (10{key})")
            target.execute(
                f"INSERT INTO {target.quote(CROSSWALK)} "
                "(target_table, canonical_id, target_key, row_md5, origin, import_id) "
                f"VALUES ('messages', '{key}', '10{key}', '', 'loaded', '')"
            )


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """The archive and a SQLite target."""
    url = f"sqlite:///{tmp_path / 'target.db'}"
    sqlite3.connect(tmp_path / "target.db").close()
    prepare_target(url)
    archive = write_archive(tmp_path / "archive")
    return Office(archive=archive, url=url, place=tmp_path / "place", profile=load_profile("successor"))


def test_tree_has_readable_names_that_no_file_system_minds(office: Office) -> None:
    """Two names that differ in case alone both have a place; what a path cannot hold becomes an underscore."""
    placed = office.place_all(TREE)
    folder = "Owen & Sons/in/2024"
    marked = f"{folder}/LETTER ~{hashlib.md5(b'2', usedforsecurity=False).hexdigest()[:12]}.TXT"
    assert office.found() == {
        f"{folder}/Letter.txt": FILES["1"],
        marked: FILES["2"],
        f"{folder}/what_ _this_ a_b.txt": FILES["3"],
        f"{folder}/scan.pdf": FILES["4"],
    }
    assert (placed.placed, placed.bytes, placed.problem_count) == (4, sum(map(len, FILES.values())), 0)


def test_rows_without_bytes_are_counted_by_their_reason(office: Office) -> None:
    """A document that was missing in the source is missing in the target, and said to be."""
    assert office.place_all(OBJECTS).without_bytes == {"missing_in_source": 1}


def test_rows_that_were_not_imported_get_no_file(office: Office) -> None:
    """With a table, only what the crosswalk knows is placed, under the target's own key."""
    placed = office.place_all({**OBJECTS, "table": "messages", "path": "{key}.bin"})
    assert office.found() == {"101.bin": FILES["1"], "102.bin": FILES["2"], "104.bin": FILES["4"]}
    assert (placed.placed, placed.not_imported) == (3, 1)


def test_second_run_reads_back_and_places_nothing(office: Office) -> None:
    """What is there under its hash is left; a stopped run is simply run again."""
    office.place_all(OBJECTS)
    (office.place / hashlib.sha256(FILES["2"]).hexdigest()).unlink()
    (office.place / ".a stopped run left this.part").write_bytes(b"half")
    again = office.place_all(OBJECTS)
    assert (again.placed, again.found, again.problem_count) == (1, 3, 0)


def test_other_bytes_under_the_name_are_reported_and_left(office: Office) -> None:
    """Nothing is overwritten: the file stays as it is and the document is listed by its id."""
    office.place.mkdir()
    name = hashlib.sha256(FILES["1"]).hexdigest()
    (office.place / name).write_bytes(b"something else")
    placed = office.place_all(OBJECTS)
    assert [(p.canonical_id, p.reason.split(";")[0]) for p in placed.problems] == [
        ("1", "another file has its name already")
    ]
    assert office.found()[name] == b"something else"
    assert placed.placed == 3


def test_bytes_that_the_archive_lost_are_reported(office: Office) -> None:
    """A file that is gone from the archive, and one with other bytes, leave nothing behind under a final name."""
    lost, changed = (office.archive.data / document_path(hashlib.sha256(FILES[k]).hexdigest()) for k in ("1", "2"))
    lost.unlink()
    changed.write_bytes(b"tampered")
    placed = office.place_all(OBJECTS)
    assert {p.canonical_id: p.reason for p in placed.problems} == {
        "1": "the archive does not have its bytes",
        "2": "its bytes read back are not those of the archive",
    }
    assert set(office.found().values()) == {FILES["3"], FILES["4"]}


def test_folder_in_the_way_of_a_file_is_a_problem_of_that_file(office: Office) -> None:
    """One that cannot be written does not stop the others."""
    (office.place / hashlib.sha256(FILES["4"]).hexdigest()).mkdir(parents=True)
    placed = office.place_all(OBJECTS)
    assert [problem.canonical_id for problem in placed.problems] == ["4"]
    assert placed.placed == 3


def test_tree_paths_are_recorded_in_the_target(office: Office) -> None:
    """A system that keeps paths in a column gets them as they turned out."""
    office.place_all({**TREE, "table": "messages", "column": "path"})
    with closing(sqlite3.connect(office.url.removeprefix("sqlite:///"))) as connection:
        paths = dict(connection.execute("SELECT id, path FROM messages WHERE path IS NOT NULL"))
    assert {key: (office.place / path).read_bytes() for key, path in paths.items()} == {
        101: FILES["1"],
        102: FILES["2"],
        104: FILES["4"],
    }


@pytest.mark.parametrize("dbms", ["sqlite", "postgresql", "mariadb"])
def test_column_takes_the_bytes_and_is_not_filled_twice(
    office: Office, dbms: str, request: pytest.FixtureRequest
) -> None:
    """Bytes of any kind arrive whole by way of the bulk path; a second run finds them."""
    if dbms != "sqlite":
        make: MakeDatabase = request.getfixturevalue(f"{dbms}_url")
        office = replace(office, url=make())
        prepare_target(office.url)
    entry = {"kind": "lob", "rows": ROWS, "table": "messages", "column": "content"}
    first = office.place_all(entry)
    again = office.place_all(entry)
    assert (first.placed, first.problem_count, again.placed, again.found) == (3, 0, 0, 3)
    with open_target(office.url, limits=DEFAULT_LIMITS) as target:
        answer = target.query("SELECT id, content FROM messages WHERE content IS NOT NULL ORDER BY id")
    assert dict(zip(*(column.to_pylist() for column in answer.columns), strict=True)) == {
        101: FILES["1"],
        102: FILES["2"],
        104: FILES["4"],
    }


def test_column_with_other_bytes_is_left_and_reported(office: Office) -> None:
    """What somebody put there meanwhile stays."""
    with closing(sqlite3.connect(office.url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE messages SET content = x'00' WHERE id = 102")
        connection.commit()
    placed = office.place_all({"kind": "lob", "rows": ROWS, "table": "messages", "column": "content"})
    assert [problem.canonical_id for problem in placed.problems] == ["2"]
    assert placed.placed == 2


@pytest.fixture
def names() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine with the macros that make names."""
    with duckdb.connect() as connection:
        text = resources.files("portability.importing").joinpath("file_names.sql").read_text(encoding="utf-8")
        connection.execute(text)
        yield connection


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("plain.pdf", "plain.pdf"),
        ("a:b|c<d>.docx", "a_b_c_d_.docx"),
        ("con.txt", "_con.txt"),
        ("COM1", "_COM1"),
        ("..", "unnamed"),
        (".htaccess", "_htaccess"),
        ("trailing dots... ", "trailing dots"),
        ("tab\there\nline.txt", "tab_here_line.txt"),
        ("e\u0301te\u0301.txt", "été.txt"),
        ("x" * 300 + ".pdf", "x" * 60 + ".pdf"),
        ("no ending but a dot. here", "no ending but a dot. here"),
        ("🙂" * 80 + ".txt", "🙂" * 60 + ".txt"),
    ],
)
def test_name_is_made_safe_and_stays_readable(names: duckdb.DuckDBPyConnection, text: str, name: str) -> None:
    """One name each; at most 255 bytes."""
    ((made,),) = names.execute("SELECT _clean(?)", [text]).fetchall()
    assert made == name
    assert len(made.encode()) <= 255


def test_path_keeps_its_folders_and_loses_what_leads_outside(names: duckdb.DuckDBPyConnection) -> None:
    """Backslashes are slashes; dots and empty parts vanish."""
    ((made,),) = names.execute("SELECT _clean_path(?)", ["..\\Letters//in/./CON/ a? "]).fetchall()
    assert made == "Letters/in/_CON/a_"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"kind": "shelf", "rows": ROWS, "path": "x"}, "kind"),
        ({"kind": "tree", "rows": ROWS}, "need path"),
        ({"kind": "lob", "rows": ROWS, "table": "messages"}, "lob needs column"),
        ({"kind": "objects", "rows": ROWS, "path": "{key}"}, "need table"),
        ({"kind": "objects", "rows": ROWS, "path": "x", "table": "nowhere"}, "no table nowhere"),
        ({"kind": "objects", "rows": ROWS, "path": "x", "colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_entry_that_is_wrong_is_refused_by_name(office: Office, entry: dict[str, Any], fault: str) -> None:
    """Before anything is written, with the place in the profile."""
    with pytest.raises(MappingError, match=fault) as raised:
        check_placement(with_documents(office.profile, entry))
    assert raised.value.place == "load.documents.papers"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({**OBJECTS, "path": "{nothing}"}, "no column nothing"),
        ({**OBJECTS, "rows": "DROP TABLE document"}, "not one query"),
        ({**OBJECTS, "rows": "SELECT 1 AS _id"}, "no column sha256"),
        ({**OBJECTS, "path": "one place for all"}, "two different files get the same path"),
        ({**OBJECTS, "rows": ROWS.replace("v.id AS _id", "1 AS _id")}, "occurs twice"),
        ({**OBJECTS, "path": "../{sha256}"}, "leads outside"),
    ],
)
def test_rows_that_do_not_fit_are_refused_before_a_file_is_written(
    office: Office, entry: dict[str, Any], fault: str
) -> None:
    """The plan is whole before the first file."""
    with pytest.raises(MappingError, match=fault):
        office.place_all(entry)
    assert office.found() == {}


def test_no_place_is_said_before_anything_is_done(office: Office) -> None:
    """A target that keeps files outside its database needs a place."""
    with pytest.raises(ConfigError, match="no place was given"):
        office.place_all(OBJECTS, place="")


def test_address_of_another_kind_is_refused_without_showing_it(office: Office) -> None:
    """Only stores that show a file when it is whole are written to."""
    with pytest.raises(ConfigError, match="cannot be placed there") as raised:
        office.place_all(OBJECTS, place="ftp://user:secret@host/x")
    assert "secret" not in json.dumps([str(raised.value), raised.value.hint])


class ClientError(Exception):
    """As S3's library raises it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


@pytest.mark.parametrize(
    ("error", "absent"),
    [
        (ClientError("404"), True),
        (ClientError("NoSuchKey"), True),
        (ClientError("AccessDenied"), False),
        (ClientError("SlowDown"), False),
        (type("NotFound", (Exception,), {})(), True),
        (type("ResourceNotFoundError", (Exception,), {})(), True),
        (TimeoutError(), False),
    ],
)
def test_store_that_only_failed_is_not_taken_for_an_empty_one(error: Exception, absent: bool) -> None:  # noqa: FBT001
    """An object that could not be looked at must not be written over."""
    wrapped = OSError("unable to access")
    wrapped.__cause__ = error
    assert _is_absent(wrapped) is absent
