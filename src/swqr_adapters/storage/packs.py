"""Temporary files that hold many blobs each, in a directory that goes by itself."""

import contextlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path

from attrs import define, field

__all__ = ["Pack", "PackFolder"]


@define(eq=False, weakref_slot=False)
class Pack:
    """A file of many blobs, one behind the other. It never changes once it is there.

    Attributes:
        path: Where it is.
        pins: How many blobs and readers need it. Only the event loop's thread changes this.
    """

    path: str
    pins: int = field(default=1)

    def pin(self) -> None:
        """Keep the file for one more user."""
        self.pins += 1

    def unpin(self) -> "Pack | None":
        """Let it go for one user; return the pack itself if that was the last one."""
        self.pins -= 1
        return None if self.pins else self

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the file. It blocks.

        Raises:
            OSError: The file is gone or was cut.
        """
        with Path(self.path).open("rb", buffering=0) as file:
            file.seek(offset)
            parts = bytearray()
            while len(parts) < length:
                part = file.read(length - len(parts))
                if not part:
                    raise OSError(f"{self.path} was cut")
                parts += part
        return bytes(parts)

    def remove(self) -> None:
        """Remove the file, if it is still there. It blocks."""
        with contextlib.suppress(FileNotFoundError):
            Path(self.path).unlink()


class PackFolder:
    """A temporary directory, made for its first file, removed on request or with this object.

    Its methods block and are called from one thread at a time.

    Args:
        parent: In which folder it is made; None for the system's.
    """

    def __init__(self, parent: str | os.PathLike[str] | None) -> None:
        self._parent = parent
        self._path: str | None = None
        self._count = 0
        self._finalizer: weakref.finalize[[str, int], PackFolder] | None = None

    @property
    def path(self) -> Path | None:
        """Where it is; None as long as there is none."""
        return None if self._path is None else Path(self._path)

    def write(self, parts: Iterable[bytes]) -> Pack:
        """Write a new file, and return it once it is complete.

        Raises:
            OSError: It could not be written; nothing is left of it.
        """
        if self._path is None:
            self._path = tempfile.mkdtemp(prefix="swqr-blobs-", dir=self._parent)  # mode 0700
            self._finalizer = weakref.finalize(self, _remove_tree, self._path, os.getpid())
        self._count += 1
        target = Path(self._path, f"{self._count}.pack")
        partial = target.with_suffix(".part")
        try:
            with partial.open("xb") as file:
                file.writelines(parts)
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return Pack(str(target))

    def remove(self) -> None:
        """Remove the directory with all that is in it."""
        self._path = None
        if self._finalizer is not None:
            self._finalizer()


def _remove_tree(path: str, owner: int) -> None:
    if os.getpid() == owner:  # a fork's copy has no say
        shutil.rmtree(path, ignore_errors=True)
