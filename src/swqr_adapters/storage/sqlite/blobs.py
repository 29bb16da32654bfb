"""Blobs in a database, the large ones in files beside it."""

import asyncio
import hashlib
import itertools
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from swqr_core.errors import ClosedError
from swqr_core.model.payload import Payload

from .damage import Damage, is_corrupt
from .location import StoreFiles
from .reader import Reader, unreadable
from .writer import Writer, unwritable

__all__ = ["SqliteBlobStore"]

_PIECE: Final = 256 * 1024
"""What ``open`` yields at most, and from where on hashing leaves the event loop."""

_INSIDE: Final = 64 * 1024
"""Up to this size blobs are in the database, where one commit carries many."""

_PREFIX: Final = "sha256:"
_PART: Final = ".part"


class SqliteBlobStore:
    """The ``BlobStore`` port in a database and files.

    Every read compares the bytes with their digest. What is damaged is set aside and reported,
    and then it is as if it were not there.

    Args:
        writer: Writes to the database.
        reader: Reads from it.
        files: Where the store is.
        damage: Where to what is found damaged.
    """

    def __init__(self, writer: Writer, reader: Reader, files: StoreFiles, damage: Damage) -> None:
        self._writer, self._reader, self._damage = writer, reader, damage
        self._folder = files.blobs
        self._counts: Counter[str] = Counter()
        self._gone: set[str] = set()
        self._busy: dict[str, asyncio.Task[Any]] = {}
        self._numbers = itertools.count(1)
        self._closed = False

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        return f"<SqliteBlobStore of {len(self._counts)}>"

    async def put(self, data: bytes) -> Payload:
        """Keep *data*; return its address once the bytes are on the disk.

        Raises:
            ClosedError: The store was closed.
            UnreachableError: The disk took nothing; nothing was kept.
        """
        self._check()
        data = bytes(data)
        large = len(data) > _PIECE
        payload = await asyncio.to_thread(Payload.of, data) if large else Payload.of(data)
        self._check()
        digest = payload.digest
        self._counts[digest] += 1
        try:
            if self._counts[digest] == 1 or digest in self._gone:
                self._gone.discard(digest)
                await asyncio.shield(self._queue(digest, lambda: self._write(digest, data)))
            elif digest in self._busy:  # somebody else is writing it
                await asyncio.shield(self._busy[digest])
        except BaseException:
            await self.release(digest)
            raise
        return payload

    async def get(self, digest: str) -> bytes:
        """Return the bytes.

        Raises:
            ClosedError: The store was closed.
            KeyError: There are none under that digest, or no sound ones.
            UnreachableError: They cannot be read now.
        """
        self._check()
        data, inside = None, False
        for _ in range(2):  # once more if it was let go of, and perhaps put again, meanwhile
            if digest not in self._counts or digest in self._gone:
                raise KeyError(digest)
            data, inside = await self._look(digest)
            if data is not None and await _is_sound(digest, data):
                return data
            if digest in self._busy:
                await asyncio.wait([self._busy[digest]])
        if digest in self._counts:
            await self._set_aside(digest, data, inside=inside)
        raise KeyError(digest)

    async def _look(self, digest: str) -> tuple[bytes | None, bool]:
        """Return what there is, if there is something, and whether it is in the database."""
        data = await self._reader.do(lambda connection: _inside(connection, digest))
        if data is not None:
            return data, True
        return await asyncio.to_thread(self._read, digest), False

    def open(self, digest: str) -> AsyncIterator[bytes]:
        """Yield the bytes in pieces of at most 256 KiB, all of them sound.

        Raises:
            ClosedError: The store was closed.
            KeyError: There are none under that digest, or no sound ones.
            UnreachableError: They cannot be read now.
        """
        self._check()
        if digest not in self._counts:
            raise KeyError(digest)
        return self._pieces(digest)

    async def _pieces(self, digest: str) -> AsyncIterator[bytes]:
        data = await self.get(digest)
        for start in range(0, len(data), _PIECE):
            self._check()
            yield data[start : start + _PIECE]
            await asyncio.sleep(0)

    async def release(self, digest: str) -> None:
        """Undo one ``put``; the bytes go when the last is undone. Unknown digests are ignored."""
        if digest not in self._counts:
            return
        self._counts[digest] -= 1
        if self._counts[digest]:
            return
        del self._counts[digest]
        self._gone.discard(digest)
        if not self._closed:  # else the next one to open the store collects it
            with suppress(Exception):  # what cannot be removed now is collected then, too
                await asyncio.shield(self._queue(digest, lambda: self._remove(digest)))

    async def adopt(self, digests: Iterable[str]) -> None:
        """Take these as all the puts that were not undone, and remove every other blob.

        Raises:
            ClosedError: The store was closed.
        """
        self._check()
        self._counts = Counter(digests)
        inside = set(await self._reader.do(_all_inside))
        outside = await asyncio.to_thread(self._all_outside)
        missing = self._counts.keys() - inside - outside.keys()
        for digest in missing:
            self._gone.add(digest)
        if missing:
            some = ", ".join(sorted(missing)[:3])
            self._damage.report(f"{len(missing)} payloads of jobs are missing, for example {some}")
        orphans = [path for digest, path in outside.items() if digest not in self._counts]
        await asyncio.to_thread(_unlink, orphans)
        unknown = [(digest,) for digest in inside - self._counts.keys()]
        if unknown:
            with suppress(Exception):  # a full disk: next time
                await self._writer.do(
                    lambda connection: (
                        connection.executemany(
                            "DELETE FROM blobs WHERE digest = ?", unknown
                        ).rowcount
                    )
                )

    async def aclose(self) -> None:
        """Finish what is under way. Closing twice is fine."""
        self._closed = True
        while self._busy:
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def _check(self) -> None:
        if self._closed:
            raise ClosedError("the blob store")

    # --- one digest, one job at a time ---------------------------------------------------------

    def _queue(
        self, digest: str, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> "asyncio.Task[None]":
        before = self._busy.get(digest)

        async def in_turn() -> None:
            if before is not None:
                await asyncio.wait([before])
            await work()

        def over(task: "asyncio.Task[None]") -> None:
            if self._busy.get(digest) is task:
                del self._busy[digest]
            if not task.cancelled():
                task.exception()  # perhaps nobody is left to hear about it

        task = self._busy[digest] = asyncio.ensure_future(in_turn())
        task.add_done_callback(over)
        return task

    async def _write(self, digest: str, data: bytes) -> None:
        try:
            if len(data) <= _INSIDE:
                await self._writer.do(
                    lambda connection: (
                        connection.execute(
                            "INSERT OR REPLACE INTO blobs VALUES (?, ?)", (digest, data)
                        ).rowcount
                    )
                )
            else:
                await asyncio.to_thread(self._write_file, self._path(digest), data)
        except Exception as error:
            self._gone.add(digest)  # whoever comes next writes it again
            raise unwritable(error) from error

    async def _remove(self, digest: str) -> None:
        await self._writer.do(
            lambda connection: (
                connection.execute("DELETE FROM blobs WHERE digest = ?", (digest,)).rowcount
            )
        )
        await asyncio.to_thread(_unlink, [self._path(digest)])

    async def _set_aside(self, digest: str, data: bytes | None, *, inside: bool) -> None:
        self._gone.add(digest)
        what = f"the payload {digest} is {'missing' if data is None else 'damaged'}"
        if data is None:
            self._damage.report(what)
            return
        if not inside:
            await asyncio.to_thread(self._damage.move_aside, self._path(digest), what)
            return
        name = digest.removeprefix(_PREFIX)
        await asyncio.to_thread(self._damage.set_aside, name, data, what)

    # --- files ---------------------------------------------------------------------------------

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix(_PREFIX)
        return self._folder / name[:2] / name

    def _write_file(self, path: Path, data: bytes) -> None:
        """Write a file so that it is there whole or not at all, whatever happens meanwhile."""
        for folder in (self._folder, path.parent):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(folder.parent)
        part = path.with_name(f"{path.name}.{next(self._numbers)}{_PART}")
        try:
            with part.open("xb", buffering=0) as file:
                left = memoryview(data)
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _read(self, digest: str) -> bytes | None:
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:  # for example too many open files: that does not make it missing
            raise unreadable(error) from error

    def _all_outside(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        if self._folder.is_dir():
            for path in self._folder.glob("??/*"):
                if path.name.endswith(_PART):
                    path.unlink(missing_ok=True)
                else:
                    found[_PREFIX + path.name] = path
        return found


def _inside(connection: sqlite3.Connection, digest: str) -> bytes | None:
    try:
        row = connection.execute("SELECT data FROM blobs WHERE digest = ?", (digest,)).fetchone()
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
        return b""  # it is there, but not as it was
    return None if row is None else row[0]


def _all_inside(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT digest FROM blobs")]


async def _is_sound(digest: str, data: bytes) -> bool:
    if len(data) <= _PIECE:
        return Payload.of(data).digest == digest
    found = await asyncio.to_thread(hashlib.sha256, data)
    return f"{_PREFIX}{found.hexdigest()}" == digest


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system has a way to."""
    if os.name != "posix":  # pragma: no cover - Windows does that by itself
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
