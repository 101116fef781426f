"""Finding out, by trying, whether a volume can be written to, and what a rename to a taken name does.

Two or three tiny files are left in ``.portability-probe/``, and used again by the next probe: nothing can be deleted.
That they are there says nothing of today, so one is moved out of its folder and back: names can be given in both.
"""

from __future__ import annotations

from contextlib import suppress

from portability.depositories.volume import NameTakenError, Volume
from portability.errors import DepositoryError

__all__ = ["LINKED", "PROBE_FOLDER", "TAKEN", "TRIED", "make_probe_files", "try_names"]

PROBE_FOLDER = ".portability-probe"
TAKEN = f"{PROBE_FOLDER}/taken"
TRIED = f"{PROBE_FOLDER}/tried.part"
LINKED = f"{PROBE_FOLDER}/linked"
_OUTSIDE = f"{PROBE_FOLDER}.part"  # for a moment
_ATTEMPTS = 3


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


async def try_names(volume: Volume) -> None:
    """Make the files, and give one of them another name and its own again.

    Raises:
        DepositoryError: It cannot be written to, today.
    """
    for attempt in range(_ATTEMPTS):
        with suppress(DepositoryError, NameTakenError):
            await volume.move(_OUTSIDE, TRIED)  # where a probe was killed
        await make_probe_files(volume)
        try:
            await volume.move(TRIED, _OUTSIDE)
            await volume.move(_OUTSIDE, TRIED)
        except (DepositoryError, NameTakenError):
            found = await volume.sizes(PROBE_FOLDER)
            is_ours = found is not None and TRIED.rpartition("/")[2] in found[0]
            if is_ours or attempt == _ATTEMPTS - 1:
                raise  # else a neighbour's probe has it just now
        else:
            return
