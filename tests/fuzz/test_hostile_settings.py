"""Settings files that are written to break their reader end in a sentence: what fuzzing found, and what it might."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from portability.config import load_config
from portability.errors import ConfigError, MappingError
from portability.profiles import load_profile

ANCHORS = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n".encode()
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "date_that_does_not_exist": b"sources: 2020-13-45\n",
    "time_zone_that_does_not_exist": b"sources: {a: {url: 2001-12-14t21:59:43.10-99:99}}\n",
    "lists_nested_deeply": b"sources: " + b"[" * 1_200,
    "mappings_nested_deeply": b"sources: " + b"{a: " * 3_000 + b"1" + b"}" * 3_000,
    "billion_laughs": ANCHORS + b"sources: {a: *i}\n",
    "alias_of_itself": b"sources: &a {x: *a}\n",
    "object_of_python": b"!!python/object/apply:os.system ['id']\n",
    "list_at_the_top": b"- sources\n",
    "keys_that_are_no_text": b"1: 2\na: 3\n",
    "nul_byte": b"sources: \0\n",
    "no_utf8": b"sources: \xff\xfe\n",
    "limit_below_zero": b"limits: {json_depth_max: -5}\n",
    "limit_that_is_no_number": b"limits: {json_depth_max: .nan}\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_load_config_hostile_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """portability.yaml: a ConfigError that names the file, soon."""
    (tmp_path / "portability.yaml").write_bytes(HOSTILE[name])
    monkeypatch.setenv("PORTABILITY_CONFIG", str(tmp_path / "portability.yaml"))
    started = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load_config()
    assert "portability.yaml" in caught.value.place
    assert time.process_time() - started < 10


@pytest.mark.parametrize("name", HOSTILE)
def test_load_profile_hostile_file_is_refused(tmp_path: Path, name: str) -> None:
    """profile.yaml: a MappingError that names the file, soon."""
    (tmp_path / "profile.yaml").write_bytes(HOSTILE[name])
    started = time.process_time()
    with pytest.raises(MappingError) as caught:
        load_profile(str(tmp_path))
    assert "profile.yaml" in caught.value.place
    assert time.process_time() - started < 10
