"""One store, one process."""

import os
import sys
from errno import EACCES, EAGAIN, EDEADLK, EWOULDBLOCK
from typing import Final

from swqr_core.errors import ConfigurationError

from .location import StoreFiles

__all__ = ["StoreLock"]

_MOST: Final = 32
_TAKEN: Final = {EACCES, EAGAIN, EDEADLK, EWOULDBLOCK}


class StoreLock:
    """Holds a store for this process until it is released or the process ends, however it ends.

    Args:
        files: The store.

    Raises:
        ConfigurationError: Another process holds it, or nothing may be written or locked there.
    """

    def __init__(self, files: StoreFiles) -> None:
        self._file: int | None = None
        try:
            file = os.open(files.lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(
                str(files), f"cannot be written: {error.strerror}; choose a folder that can be"
            ) from error
        try:
            _lock(file)
        except OSError as error:
            try:
                problem = _why(file, error)
            finally:
                os.close(file)
            raise ConfigurationError(str(files), problem) from error
        self._file = file
        # From the second byte on: some systems let nobody read a byte that is locked.
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, f" {os.getpid():<{_MOST - 2}}\n".encode())

    def release(self) -> None:
        """Let the store go. Doing so twice is fine."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)  # the file stays: who removed it could remove another one's lock


def _why(file: int, error: OSError) -> str:
    """Return why a file cannot be locked: mostly because somebody else has."""
    if error.errno not in _TAKEN:
        return f"cannot be locked ({error.strerror}): choose a folder on a disk of this computer"
    os.lseek(file, 1, os.SEEK_SET)
    holder = os.read(file, _MOST).decode("ascii", "replace").strip()
    who = f"process {holder}" if holder else "another process"
    return f"is in use by {who}: stop that first, or choose another store"


if sys.platform == "win32":  # pragma: no cover - not what the tests run on

    def _lock(file: int) -> None:
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:

    def _lock(file: int) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
