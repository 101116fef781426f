"""Documents come from folders and servers; nothing comes from anywhere else, and what cannot be had is listed."""

from __future__ import annotations

import functools
import http.server
import threading
from typing import TYPE_CHECKING

import pytest

from portability.errors import ConfigError, FormatError
from portability.exports.document_store import DocumentStore
from portability.exports.documents import DocumentTree, clean_path, fetch
from portability.limits import DEFAULT_LIMITS
from portability.profiles import bare_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portability.exports import ExportResult


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a web server on loopback that serves ``tmp_path``."""
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("text", "prefix", "expected"),
    [
        ("P:\\DOCS\\2020\\a b.pdf", "P:\\DOCS\\", "2020/a b.pdf"),
        ("p:/docs/x.pdf", "P:\\DOCS\\", "x.pdf"),
        ("/srv/docs/x.pdf", "", "srv/docs/x.pdf"),
        ("./a//b.txt", "", "a/b.txt"),
        ("..\\..\\secret", "", None),
        ("a/../../b", "", None),
        ("C:\\Windows\\x", "P:\\DOCS\\", None),
        ("a\0b", "", None),
        ("", "", None),
    ],
)
def test_path_as_an_application_wrote_it_stays_inside_the_folder(text: str, prefix: str, expected: str | None) -> None:
    """Backslashes, drives and doubled separators are history; a way out is none."""
    assert clean_path(text, prefix) == expected


def test_tree_follows_no_link_out_of_its_folder(tmp_path: Path) -> None:
    """A link in the tree may not show a file of the exporting machine."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "secret").write_text("no", encoding="utf-8")
    (tmp_path / "docs/link").symlink_to(tmp_path / "secret")
    with pytest.raises(PermissionError):
        DocumentTree(str(tmp_path / "docs"), DEFAULT_LIMITS).open("link")


def test_tree_finds_a_file_whose_name_differs_in_case(tmp_path: Path) -> None:
    """Trees copied off Windows."""
    (tmp_path / "Letters").mkdir()
    (tmp_path / "Letters/A.TXT").write_bytes(b"x")
    with DocumentTree(str(tmp_path), DEFAULT_LIMITS).open("letters/a.txt") as stream:
        assert stream.read() == b"x"


def test_export_reads_documents_from_a_web_server(export: Callable[..., ExportResult], firm: Path, server: str) -> None:
    """--documents may be an address; what the server does not have is missing, not fatal."""
    (firm / "files/A.TXT").rename(firm / "files/a.txt")
    result = export(documents=f"{server}/files")
    assert result.documents == {"present": 3, "missing_in_source": 1, "unreadable": 1}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "etc/passwd", "ftp://127.0.0.1/x"])
def test_address_in_a_database_that_is_no_web_address_is_not_fetched(url: str) -> None:
    """The database is not trusted with the exporting machine's files."""
    with pytest.raises(PermissionError):
        fetch(url, DEFAULT_LIMITS)


def test_tree_that_is_no_folder_is_a_configuration_error(tmp_path: Path) -> None:
    """Before anything is read."""
    for root in (str(tmp_path / "none"), "gopher://127.0.0.1/docs"):
        with pytest.raises(ConfigError):
            DocumentTree(root, DEFAULT_LIMITS)


def test_store_refuses_what_is_longer_than_the_limit_and_leaves_nothing(tmp_path: Path) -> None:
    """A document without end fills no disk."""
    limits = type(DEFAULT_LIMITS)(value_bytes_max=10)
    with pytest.raises(FormatError):
        DocumentStore(tmp_path, limits).add(b"x" * 6 for _ in range(10**9))
    assert list((tmp_path / "documents").iterdir()) == []


def test_export_with_documents_that_no_profile_names_is_refused(
    export: Callable[..., ExportResult], firm: Path
) -> None:
    """A folder that would be left out in silence stops the export; nothing stands under the archive's name."""
    with pytest.raises(ConfigError, match="none would be taken"):
        export("bare", profile=bare_profile())
    assert not (firm / "bare").exists()
