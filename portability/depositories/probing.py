"""Finding out, by trying, whether a volume can be written to, and what a rename to a taken name does.

Two or three tiny files are left in ``.portability-probe/``, and used again by the next probe: nothing can be deleted.
"""

from __future__ import annotations

from contextlib import suppress

from portability.depositories.volume import NameTakenError, Volume

__all__ = ["LINKED", "PROBE_FOLDER", "TAKEN", "TRIED", "make_probe_files"]

PROBE_FOLDER = ".portability-probe"
TAKEN = f"{PROBE_FOLDER}/taken"
TRIED = f"{PROBE_FOLDER}/tried.part"
LINKED = f"{PROBE_FOLDER}/linked"


async def make_probe_files(volume: Volume) -> None:
    """Write and flush two files, where they are not there yet.

    Raises:
        DepositoryError: It cannot be written to.
    """
    found = await volume.sizes(PROBE_FOLDER)
    if found is None:
        await volume.make_folder(PROBE_FOLDER)
    missing = [path for path in (TAKEN, TRIED) if found is None or path.rpartition("/")[2] not in found[0]]
    for path in missing:
        with suppress(NameTakenError):
            file = await volume.create(path)
            await file.write(0, iter([path.encode()]))
            await file.sync()
            await file.close()
    if missing:
        await volume.sync_folders([PROBE_FOLDER, ""])
