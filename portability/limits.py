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
    convert_batch_rows: int = 4_096  # rows turned into other forms at once; wide notes stay within memory
    xlsx_cell_characters_max: int = 32_767  # Excel's own bound on a cell
    xlsx_sheet_rows_max: int = 1_048_576  # Excel's own bound on a sheet, header included
    xlsx_workbook_rows_max: int = 2_000_000  # of all sheets; Excel and LibreOffice open such a file in 8 GiB
    file_name_bytes_max: int = 120  # of a folder or file made for people; four levels stay under file_path_bytes_max
    file_path_bytes_max: int = 200  # below the destination: Windows opens 260 with drive and folder before it
    inline_value_bytes: int = 1 * MIB  # longer values become files under documents/
    value_bytes_max: int = 4 * 1024 * MIB  # one value or document; longer ones stop the export by name
    chunk_bytes: int = 1 * MIB  # copy buffer for files and long values
    duckdb_memory_mib: int = 160  # the engine's own budget; the whole process stays under 512 MiB
    duckdb_threads: int = 2
    restored_value_bytes_max: int = 256 * MIB  # a longer value stays in documents/: it is held whole, twice
    restored_batch_bytes_max: int = 32 * MIB  # of long values put back at once
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
    reconcile_lines_max: int = 10_000  # differing lines of a total that a certificate's document holds; its CSV has all
    finding_examples: int = 10  # examples kept with a grouped finding
    fetch_timeout_s: int = 60
    document_batch_rows: int = 500  # files placed between two words of progress, and keys in one IN (…)
    document_problems_max: int = 10_000  # files that could not be placed, listed by name; all of them are counted
    lob_bytes_max: int = 512 * MIB  # one document in a target's column; PostgreSQL ends at 1 GiB, and hex doubles it
    lob_batch_bytes: int = 16 * MIB  # documents sent to a target's column at once: held twice, as they are and as text
    crosswalk_page_rows: int = 50_000  # read from a target at once: some 20 MiB of text
    load_id_chars_max: int = 500  # of a loaded row's identity; MariaDB's keys end at 3,072 bytes
    reported_rows: int = 10_000  # rejected rows in one JSON document; all of them are in the workbook and the report
    sheet_rows_max: int = 1_000_000  # rows in one sheet; spreadsheets end at 1,048,576
    signature_bytes_max: int = 64 * KIB  # an armored signature; one by an RSA key of 16,384 bits has 6 KiB
    key_file_bytes_max: int = 64 * KIB  # a private or public key; the largest that OpenSSH makes has 13 KiB
    key_kdf_rounds_max: int = 1_000  # of an encrypted key, some 10 ms each; ssh-keygen makes 16 to 24, the careful 100
    agent_bytes_max: int = 256 * KIB  # an ssh-agent's answer; OpenSSH's own bound
    agent_timeout_s: int = 120  # time for a person to confirm, or to touch a security key
    passphrase_bytes_max: int = 1_024  # OpenSSH's own bound
    trust_file_bytes_max: int = 1 * MIB  # an allowed_signers file: some 5,000 lines
    clock_skew_s: int = 24 * 3_600  # how far ahead a signed time may be: a clock set wrong, not a forged date
    segment_bytes: int = 64 * MIB  # plaintext of one segment: one table out of it reads little more than itself
    segment_bytes_max: int = 512 * MIB  # the format's own bound; also what a reader accepts
    sealed_files_max: int = 200_000  # segments and envelopes of one sealed archive; 200,000 segments are 12 TiB
    recipients_max: int = 20  # named recipients of one sealed archive
    envelopes_max: int = 200  # subsets of K among N recipients, each an envelope: 3 of 10 are 120
    envelope_depth_max: int = 5  # K: layers of one nested envelope
    envelope_bytes_max: int = 64 * KIB  # five layers of RSA-4096 take 8 KiB
    catalog_bytes_max: int = 2 * 1024 * MIB  # the catalog unpacked: 5,000,000 files of 400 bytes
    catalog_line_bytes_max: int = 4 * MIB  # one entry; a file of 4 TiB has 65,536 slices of 60 bytes
    sampled_segments: int = 3  # unpacked at level v2: a minute's work at most, and any may be asked
    sampled_chunks: int = 64  # decrypted at level v2: a sender who spoils 5 % of the chunks is caught 96 times in 100
    zstd_window_bytes_max: int = 8 * MIB  # ours use it at most; a greater one would take the reader's memory
    segment_members_max: int = 65_536  # members of one segment: what its worker is told of them stays under 20 MiB
    pax_header_bytes_max: int = 8 * KIB  # a path of 240 characters and three times take 400 bytes
    tar_padding_bytes_max: int = 1 * MIB  # zeros behind a tar's end; stock tar fills up to 10 KiB, or to what -b says
    age_header_bytes_max: int = 64 * KIB  # twenty RSA-4096 recipients take 15 KiB
    age_stanzas_max: int = 64  # recipients in one age header; ours have one, and grease
    seal_workers_max: int = 32  # worker processes, each of about 60 MiB


DEFAULT_LIMITS = Limits()
