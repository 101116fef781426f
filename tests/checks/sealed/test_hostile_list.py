"""The hostile archives that the format names: each is a fixture, plain and sealed, or the reason why it is not."""

from __future__ import annotations

import pytest

from fixtures.bad_sealed import VECTORS as SEALED
from fixtures.build import VECTORS as PLAIN

PLAIN_NAMES = {vector.name for vector in PLAIN}
SEALED_NAMES = {vector.name for vector in SEALED}

LIST = {
    "path traversal": (
        ["C144_path_traversal"],
        ["X136_path_traversal", "X104_tar_path_traversal.tar", "X313_path_traversal"],
    ),
    "absolute paths": (["C144_absolute_path"], ["X136_absolute_path", "X313_absolute_path"]),
    "symlinks": (
        ["C102_symbolic_link", "C102_payload_is_a_link"],
        ["X102_symbolic_link", "X106_link_in_tar.tar", "X322_link_to_etc_passwd"],
    ),
    "device names": (["C104_device_name", "C144_device_name"], ["X313_device_name"]),
    "devices and pipes": (["C103_named_pipe"], ["X103_named_pipe"]),
    "case collisions": (["C105_names_differ_in_case"], ["X104_stray_file"]),  # no name of the sealed form has capitals
    "bombs": (["D234_bomb"], ["X314_zstd_bomb", "X325_zstd_bomb", "X322_file_of_a_terabyte"]),
    "oversized JSON": (["D202_large_json"], ["X113_huge_manifest", "X314_endless_lines"]),
    "deep nesting": (["D203_nested_100000_deep"], ["X131_nested_deeply"]),
    "a file listed twice": (["C142_file_twice"], ["X137_file_twice", "X107_file_twice.tar"]),
    "a signature over other bytes": (["C163_of_another_archive"], ["X124_over_other_bytes"]),
    # A plain archive stands alone: that it is an older one can be seen in its sealed form's chain only.
    "an archive swapped for an older one": ([], ["X151_older_put_back", "X151_the_same_again"]),
    "wrong key": ([], ["X301_key_of_a_stranger", "X306_one_key_of_two"]),
    "truncated or swapped segment": ([], ["X143_cut_segment", "X146_segments_exchanged"]),
    "segment of another archive": ([], ["X145_flipped_segment", "X321_segment_for_another"]),
    "junk envelope": ([], ["X302_envelope_for_another", "X303_junk_in_the_envelope", "X304_another_deposits_key"]),
    "expired or unknown signer": (
        ["C164_unknown_signer", "C166_retired_key", "C166_key_for_later"],
        ["X125_stranger", "X127_expired_key", "X127_key_of_later"],
    ),
    "foreign age features": ([], ["X222_passphrase", "X222_plug_in"]),
}


@pytest.mark.parametrize("what", LIST)
def test_hostile_archive_of_the_list_is_a_fixture(what: str) -> None:
    """Nothing of the list can be dropped from the fixtures unseen; test_vectors and test_sealed_vectors check each."""
    plain, sealed = LIST[what]
    assert set(plain) <= PLAIN_NAMES
    assert set(sealed) <= SEALED_NAMES
    assert plain or sealed
