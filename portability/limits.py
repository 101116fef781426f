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
    source_attempts_max: int = 3  # readings of one table whose session is lost while the snapshot is not
    read_rows_per_s: int = 0  # no more are asked of a source; 0 is as many as it gives
    csv_block_bytes: int = 4 * MIB  # block of the text decoder; grows to the widest measured row
    csv_compared_bytes: int = 512 * KIB  # of a delimited file, compared at once; as Python's objects 15 times as long
    csv_row_bytes_max: int = 24 * MIB  # a row of a delimited file is held whole, some ten times; a scan has 5 MiB
    odbc_value_bytes_max: int = 8 * MIB  # one value by the generic dialect: held some eight times; a scan has 5 MiB
    dump_bytes_max: int = 256 * 1024 * MIB  # of a restored dump on disk: what a machine for exports can spare
    dump_unpack_bytes_max: int = 256 * MIB  # memory to unpack a dump; xz -9 takes 65 MiB, zstd --long=27 128
    dump_restore_s_max: int = 12 * 3_600  # a night: PostgreSQL restores some 100 GiB in that time
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
    wide_row_bytes: int = 8 * KIB  # on average, in one table: the engine's threads hold 2,048 rows each, and copies
    sorted_bytes: int = 32 * MIB  # texts that the engine sorts with their rows: it holds them, and copies, in memory
    restored_value_bytes_max: int = 256 * MIB  # where it is held whole, twice; a longer one stays in documents/
    restored_batch_bytes_max: int = 32 * MIB  # of long values put back at once; longer bytes go to their rows in pieces
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
    piece_mask_bits: int = 16  # long files that are no tables are cut by content: every 64 KiB on average
    piece_bytes_min: int = 8 * KIB  # a shorter piece costs more in the index than it saves when its neighbour changes
    piece_bytes_max: int = 1 * MIB  # of a file cut by content; column chunks are as long as they are
    piece_document_bytes: int = 1 * MIB  # longer documents are cut by content; restic's own pieces are as long
    differential_pack_bytes: int = 64 * MIB  # new pieces of a differential deposit lie end to end in files so long
    differential_line_bytes_max: int = 32 * MIB  # a file of 150,000 pieces: a table of some hundred million rows
    piece_lookups: int = 500  # pieces asked of the catalogue at once
    sampled_pieces: int = 64  # pieces of a deposit read again before it is sealed: one lie in twenty is found 96 in 100
    catalogue_wait_s: int = 30  # for another writer's turn, or a server's answer; a turn takes milliseconds
    catalogue_page_rows: int = 1_000  # read from the catalogue at once: some MiB of text
    audit_text_characters_max: int = 200  # of a purpose, subject or detail in the audit chain: a sentence, no record
    audit_details_max: int = 24  # named details of one entry
    audit_line_bytes_max: int = 64 * KIB  # one entry in an exported chain; the longest that can be written has 30 KiB
    audit_checkpoint_entries_max: int = 100_000  # entries that one checkpoint signs: 1.6 MB of it
    silent_slot_bytes: int = 4 * KIB  # plaintext of one slot of the sealed chain: one step with its evidence
    silent_document_bytes_max: int = 256 * KIB  # one silent entry, in as many slots as it takes
    step_age_s_max: int = 3_600  # from signing a step to recording it: time for a person, none for an old paper
    catalogue_skew_s: int = 120  # between two machines at one catalogue, in step by NTP; half to a server's clock
    step_skew_s: int = 300  # how far another machine's clock may be ahead of the catalogue's
    operators_max: int = 10_000  # steps of the register that are replayed before anybody may do anything
    job_pause_first_s: int = 60  # after a run that failed; doubled each time
    job_pause_max_s: int = 3_600  # a job that fails for days is still tried every hour
    job_skew_s: int = 300  # how far another runner's clock may be ahead, before its runs are taken for wrong
    job_files_max: int = 1_000  # in one folder
    job_poll_s: int = 15  # between two looks of a runner that watches; a cron line knows minutes
    job_log_bytes_max: int = 1 * MIB  # of one job's log, of which five are kept: years of a daily job
    job_output_bytes_max: int = 4 * MIB  # of what a run tells its runner; a result has 2 KiB
    notice_timeout_s: int = 30  # of a command, a mail server or a webhook
    notice_pause_first_s: int = 60  # before a notice is tried again; doubled each time
    notice_pause_max_s: int = 3_600
    notice_days_max: int = 7  # then it is given up, and shown as such
    detail_characters_max: int = 500  # of an error, kept with a deposit or a run
    seal_workers_max: int = 32  # worker processes, each of about 60 MiB
    depository_parts_max: int = 100  # abandoned .part files of one name before the agent is asked to tidy up
    depository_samples: int = 4  # MiB read back at random places of a segment, beside its first and last
    depository_request_bytes: int = 32 * KIB  # one write or read: what every SFTP server takes
    depository_request_bytes_max: int = 255 * KIB  # where it takes more; OpenSSH's own bound, header included
    depository_read_requests: int = 64  # reads of one file on their way at once
    depository_in_flight_bytes: int = 4 * MIB  # on one connection: twice the window that OpenSSH gives
    depository_bulk_bytes: int = 8 * MIB  # from here on a second connection is worth the time of its login
    depository_login_bytes: int = 32 * MIB  # and for each of these one more
    depository_flush_bytes: int = 64 * MIB  # of one file, before the server's disk is asked to begin with it
    depository_lanes: int = 32  # files on their way at once on one connection
    depository_connections_max: int = 16  # to one server; OpenSSH lets ten be in their login at a time
    depository_object_bytes_max: int = 5 * 1024 * MIB  # what S3 takes in one request
    depository_timeout_s: int = 60  # without any answer: a flush of 64 MiB on a slow disk takes less
    depository_attempts_max: int = 6  # connections in a row without a byte taken: two minutes in all
    depository_backoff_ms: int = 2_000  # before the second attempt; doubled each time
    request_field_chars_max: int = 4_000  # of one field of a step: two pages; what is longer belongs in evidence
    evidence_files_max: int = 50  # at one step; more belong in one file
    evidence_bytes_max: int = 256 * MIB  # one file of evidence: a scanned bundle of 1,000 pages has 100 MiB
    silent_evidence_bytes_max: int = 16 * MIB  # one of a silent request: sealed whole, in memory
    request_events_max: int = 1_000  # steps of one request; each is judged again whenever it is read
    scope_bytes_max: int = 4 * MIB  # a scope document: 100,000 matters by number
    subject_items_max: int = 50_000  # rows and documents of one person: what somebody could still look through
    scope_rounds_max: int = 1_000  # rows that refer to rows of their own table in a chain: no firm's tree is as deep
    scope_keys_max: int = 200_000  # keys of one table that a scope names or refers to: 2 MiB of SQL, MariaDB takes 16
    lfs_objects_max: int = 1_000_000  # of one repository; 1,000,000 records take 400 MiB
    source_repositories_max: int = 500  # of one deposit, submodules included
    source_refs_max: int = 200_000  # of one repository; a busy host's pull requests are some 100,000
    source_files_max: int = 2_000_000  # of one folder that is deposited as a tar
    scanned_blob_bytes_max: int = 2 * MIB  # a longer file is not looked into for secrets, and needs an allowance
    scanned_blobs_max: int = 500_000  # files and versions of files that one scan looks into
    scanned_bytes_max: int = 1024 * MIB  # of all of them: some 20 minutes, at 1 MB/s
    scan_findings_max: int = 10_000  # listed by one scan; more are counted
    build_time_s_max: int = 24 * 3_600  # a clean-room build, whatever its deposit asks for
    agreements_bytes_max: int = 4 * MIB  # an agent's agreements file: some 5,000 agreements of 800 bytes
    memory_bytes_max: int = 256 * MIB  # an agent's memory, read whole: some 130,000 receipts, 1 GiB when read
    memory_line_bytes_max: int = 4 * MIB  # one line of it: a certificate of 5,000 deposits has 1.5 MiB
    arrivals_max: int = 100  # new deposits of an agreement received in one run: hourly ones, for four days
    receipt_findings_max: int = 40  # in one receipt, errors first: with their details at most 150 KiB
    finding_characters_max: int = 300  # of a place or a detail: a path of 240 characters and what is wrong with it
    erasure_deposits_max: int = 5_000  # of one certificate; more take several


DEFAULT_LIMITS = Limits()
