"""Every limit, in one place: sizes, counts and depths that keep memory and time bounded whatever the data.

Lower floors take a :class:`Limits`; the configuration file overrides single values by name
(``limits: {duckdb_memory_mib: 512}``).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "Limits"]

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Named limits; the comment after each says where the number comes from."""

    # Row groups end where the key's hash has this many zero bits: 2**15 rows on average between two ends.
    row_group_mask_bits: int = 15
    row_group_rows_min: int = 8_192  # smaller groups cost more in Parquet footers than they save in a differential
    row_group_rows_max: int = 65_536  # bounds the writer's memory for narrow tables
    row_group_bytes_max: int = 32 * MIB  # bounds the writer's memory for wide tables
    batch_rows: int = 16_384  # rows asked of a source cursor at once
    csv_block_bytes: int = 4 * MIB  # block of the text decoder; grows to the widest measured row
    inline_value_bytes: int = 1 * MIB  # longer values become files under documents/
    value_bytes_max: int = 4 * 1024 * MIB  # one value or document; longer ones stop the export by name
    chunk_bytes: int = 1 * MIB  # copy buffer for files and long values
    duckdb_memory_mib: int = 160  # the engine's own budget; the whole process stays under 512 MiB
    duckdb_threads: int = 2
    json_bytes_max: int = 64 * MIB  # a JSON document from an archive that is read whole
    json_depth_max: int = 64
    manifest_lines_max: int = 5_000_000  # files in one bag
    path_length_max: int = 240  # of a payload path; Windows opens 260 with a prefix
    parquet_footer_bytes_max: int = 64 * MIB
    parquet_columns_max: int = 4_096
    parquet_group_bytes_max: int = 1024 * MIB  # a row group unpacked; ours hold 64 MiB and one row
    parquet_group_rows_max: int = 1_048_576
    tag_file_bytes_max: int = 1 * MIB  # bagit.txt, bag-info.txt, export.json, the tag manifest
    tables_files_max: int = 100_000  # payload files that are no documents
    finding_examples: int = 10  # examples kept with a grouped finding
    fetch_timeout_s: int = 60


DEFAULT_LIMITS = Limits()
