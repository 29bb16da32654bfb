"""Files that hold a secret: read only if nobody else can."""

import os
import stat
from pathlib import Path
from typing import Final

__all__ = ["SecretFileError", "read_secret"]

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LONGEST: Final = 65_536


class SecretFileError(Exception):
    """A file that cannot be used; the text says why, and never what is in it."""


def read_secret(path: Path) -> str:
    """Return the text of a file, without the white space around it.

    The mode is that of the file that was opened, so it cannot be exchanged in between.

    Raises:
        SecretFileError: It cannot be read, others can read it (POSIX), or it is empty.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_LONGEST + 1)
    except OSError as error:
        raise SecretFileError(f"cannot be read: {error.strerror or error}") from error
    if os.name == "posix" and mode & _OTHERS:
        raise SecretFileError("can be read by others: chmod 600 it, for it holds a secret")
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        raise SecretFileError("cannot be read: it is not UTF-8") from None
    if not text:
        raise SecretFileError("is empty")
    if len(data) > _LONGEST:
        raise SecretFileError(f"holds no secret: it is over {_LONGEST} bytes")
    return text
