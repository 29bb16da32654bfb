"""A blob store in memory that puts what is too much for it into temporary files."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from errno import ENOENT
from pathlib import Path
from typing import Final

from attrs import define, field

from swqr_core.errors import (
    ClosedError,
    ConfigurationError,
    InvalidInputError,
    LimitExceededError,
    UnreachableError,
)
from swqr_core.model.payload import Payload

from .packs import Pack, PackFolder

__all__ = ["SpillingBlobStore"]

_PIECE: Final = 256 * 1024
"""What ``open`` yields at most, and from where on hashing leaves the event loop."""

_LEAST_SPILL: Final = 8 * 2**20
"""Bytes that one spill frees if the limit allows it: many small blobs share one file."""

_CLASSES: Final = 64


@define(eq=False, weakref_slot=False)
class _Blob:
    """One blob: its bytes are in ``data``, or else in ``pack`` from ``offset`` on."""

    payload: Payload
    data: bytes | None = field(repr=False)
    count: int = 1
    pack: Pack | None = None
    offset: int = 0


class SpillingBlobStore:
    """The ``BlobStore`` port in memory, with temporary files for what is over a limit.

    Over the limit the largest blobs leave memory first, the older before the newer of about the
    same size, many of them in one file. The files are in a directory of their own that only this
    user can enter. It is made when it is first needed and removed when the store is closed,
    collected as garbage, or left behind at the interpreter's exit.

    Used on one event loop. Hashing, reading and writing of anything big happen in threads.

    Args:
        limit_bytes: How many bytes of blobs may stay in memory; 64 MiB unless told otherwise.
        folder: Where the directory is made; None for the system's place for temporary files.

    Raises:
        ConfigurationError: *folder* is no folder.
        InvalidInputError: *limit_bytes* is negative.
    """

    def __init__(
        self, limit_bytes: int = 64 * 2**20, folder: str | os.PathLike[str] | None = None
    ) -> None:
        if limit_bytes < 0:
            raise InvalidInputError("limit_bytes", f"must be 0 bytes or more, not {limit_bytes}")
        if folder is not None and not Path(folder).is_dir():
            raise ConfigurationError(f"folder {str(folder)!r}", "is no folder: make it first")
        self._limit = limit_bytes
        self._folder = PackFolder(folder)
        self._blobs: dict[str, _Blob] = {}
        # By size.bit_length(): who is in memory and not on the way to a file, oldest first.
        self._classes: tuple[dict[str, _Blob], ...] = tuple({} for _ in range(_CLASSES))
        self._held = 0
        self._spill: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._blobs)

    def __repr__(self) -> str:
        state = ", closed" if self._closed else ""
        return f"<SpillingBlobStore of {len(self._blobs)}, {self._held} bytes in memory{state}>"

    @property
    def bytes_in_memory(self) -> int:
        """How many bytes of blobs are in memory now."""
        return self._held

    @property
    def directory(self) -> Path | None:
        """Where its files are; None as long as it needs none."""
        return self._folder.path

    async def put(self, data: bytes) -> Payload:
        """Keep *data* and return its address.

        Cancelling this keeps nothing.

        Raises:
            ClosedError: The store was closed.
            LimitExceededError: There is no room in memory, and files cannot be written. Nothing
                was kept.
        """
        self._check()
        data = bytes(data)
        large = len(data) > _PIECE
        payload = await asyncio.to_thread(Payload.of, data) if large else Payload.of(data)
        self._check()
        blob = self._blobs.get(payload.digest)
        if blob is None:
            blob = self._blobs[payload.digest] = _Blob(payload, data)
            self._held += len(data)
            self._classes[len(data).bit_length()][payload.digest] = blob
        else:
            blob.count += 1
        try:
            await self._make_room()
        except BaseException:
            await _remove(self._drop(blob))
            raise
        return blob.payload

    async def get(self, digest: str) -> bytes:
        """Return the bytes.

        Raises:
            ClosedError: The store was closed.
            KeyError: There are none under that digest.
            UnreachableError: They cannot be read now.
        """
        blob = self._find(digest)
        if blob.data is not None:
            return blob.data
        return await self._read(blob, 0, blob.payload.size)

    def open(self, digest: str) -> AsyncIterator[bytes]:
        """Yield the bytes in pieces of 256 KiB.

        A release meanwhile does not disturb it.

        Raises:
            ClosedError: The store was closed, or is closed before the last piece.
            KeyError: There are none under that digest.
        """
        return self._pieces(self._find(digest))

    async def release(self, digest: str) -> None:
        """Undo one ``put``; the bytes go when the last is undone. Unknown digests are ignored."""
        blob = self._blobs.get(digest)
        if blob is None:
            return
        await _remove(self._drop(blob))

    async def adopt(self, digests: Iterable[str]) -> None:
        """Take these as all the puts that were not undone, and forget every other blob.

        Raises:
            ClosedError: The store was closed.
        """
        self._check()
        counts = Counter(digests)
        for digest, blob in list(self._blobs.items()):
            blob.count = max(1, counts[digest])
            if not counts[digest]:
                await _remove(self._drop(blob))

    async def aclose(self) -> None:
        """Forget everything and remove the directory. Closing twice is fine."""
        self._closed = True
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        if self._spill is not None:
            await asyncio.gather(self._spill, return_exceptions=True)
        self._blobs.clear()
        for members in self._classes:
            members.clear()
        self._held = 0
        try:
            await asyncio.to_thread(self._folder.remove)
        except RuntimeError:  # at the interpreter's exit, when no thread pool takes work any more
            self._folder.remove()

    def _check(self) -> None:
        if self._closed:
            raise ClosedError("the blob store")

    def _find(self, digest: str) -> _Blob:
        self._check()
        return self._blobs[digest]

    def _drop(self, blob: _Blob) -> Pack | None:
        """Undo one ``put``; return a pack if nobody needs that any more."""
        blob.count -= 1
        digest = blob.payload.digest
        if blob.count or self._blobs.get(digest) is not blob:
            return None
        del self._blobs[digest]
        if blob.pack is not None:
            return blob.pack.unpin()
        self._classes[blob.payload.size.bit_length()].pop(digest, None)
        self._held -= blob.payload.size
        return None

    # --- reading -------------------------------------------------------------------------------

    async def _pieces(self, blob: _Blob) -> AsyncIterator[bytes]:
        if not blob.count:  # released between the call and the first piece
            raise KeyError(blob.payload.digest)
        size, data, pack = blob.payload.size, blob.data, blob.pack
        if pack is not None:
            pack.pin()
        try:
            for start in range(0, size, _PIECE):
                self._check()
                length = min(_PIECE, size - start)
                if data is not None:
                    yield data[start : start + length]
                else:
                    yield await self._read(blob, start, length)
                await asyncio.sleep(0)
        finally:
            if pack is not None:
                await _remove(pack.unpin())

    async def _read(self, blob: _Blob, start: int, length: int) -> bytes:
        pack = blob.pack
        if pack is None:  # pragma: no cover - a blob is in memory or in a pack
            raise KeyError(blob.payload.digest)
        pack.pin()
        try:
            return await asyncio.to_thread(pack.read, blob.offset + start, length)
        except OSError as error:
            self._check()
            if error.errno not in {None, ENOENT}:  # for example too many open files
                raise UnreachableError(
                    "memory", f"a temporary file cannot be read ({error}): try again later"
                ) from error
            raise KeyError(blob.payload.digest) from error  # somebody cleaned the directory up
        finally:
            await _remove(pack.unpin())

    # --- writing -------------------------------------------------------------------------------

    async def _make_room(self) -> None:
        while self._held > self._limit:
            if self._spill is None:
                self._spill = asyncio.ensure_future(self._spill_some())
                self._spill.add_done_callback(_look_at)
            await asyncio.shield(self._spill)
            self._check()

    async def _spill_some(self) -> None:
        victims = self._choose()
        try:
            pack = await asyncio.to_thread(self._folder.write, [data for _, data in victims])
        except OSError as error:
            for blob, _ in victims:
                if blob.count:
                    self._classes[blob.payload.size.bit_length()][blob.payload.digest] = blob
            raise LimitExceededError(
                "the blob store's memory in bytes",
                self._limit,
                f"free room for temporary files ({error}) or raise limit_bytes",
            ) from error
        finally:
            self._spill = None
        offset = 0
        for blob, data in victims:
            if blob.count:
                blob.pack, blob.offset, blob.data = pack, offset, None
                pack.pin()
                self._held -= len(data)
            offset += len(data)
        await _remove(pack.unpin())

    def _choose(self) -> list[tuple[_Blob, bytes]]:
        """Take out of the classes what frees enough memory."""
        wanted = self._held - self._limit + min(_LEAST_SPILL, self._limit // 8)
        victims: list[tuple[_Blob, bytes]] = []
        for members in reversed(self._classes[1:]):  # the empty blob takes no room
            while members and wanted > 0:
                digest = next(iter(members))
                blob = members.pop(digest)
                data = blob.data
                if data is not None:
                    victims.append((blob, data))
                    wanted -= len(data)
        return victims


async def _remove(emptied: Pack | None) -> None:
    if emptied is not None:
        await asyncio.to_thread(emptied.remove)


def _look_at(task: "asyncio.Task[None]") -> None:
    """Take note of an error that nobody may be left to hear about."""
    if not task.cancelled():
        task.exception()
