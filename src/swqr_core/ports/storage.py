"""The ports to what must outlive a process: an event log, and blobs by digest."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Protocol

from attrs import field, frozen

from swqr_core.model.payload import Payload

__all__ = ["BlobStore", "Document", "EventLog", "LogRecord"]


def _in_order(facts: Iterable[Mapping[str, object]]) -> tuple[Mapping[str, object], ...]:
    return tuple(facts)


@frozen(kw_only=True)
class LogRecord:
    """One accepted input and all that followed from it. Plain JSON values throughout.

    Attributes:
        version: The version of this layout.
        at: When, as ISO 8601 UTC text.
        input: The input that was handled.
        facts: What it changed, in order. Recovery applies these and asks no rule again.
    """

    version: int
    at: str
    input: Mapping[str, object]
    facts: tuple[Mapping[str, object], ...] = field(converter=_in_order)


@frozen(kw_only=True)
class Document:
    """What is known of one thing, so that no older record is needed for it.

    Attributes:
        kind: What kind of thing.
        id: Which one of its kind.
        body: What is known, as plain JSON values; None if it is gone.
    """

    kind: str
    id: str
    body: Mapping[str, object] | None


class EventLog(Protocol):
    """An append-only log with one writer."""

    async def append(self, record: LogRecord) -> int:
        """Add a record and return its number, counted from 1.

        When this returns, the record outlives a crash as far as the store promises. Records are
        kept in the order of the calls. After an exception the record is not in the log, nor is
        any that was given later: records build on each other, so none is taken until ``mend``.

        Raises:
            ClosedError: The log was closed.
            UnreachableError: It cannot be written now, for example because a disk is full.
        """
        ...

    def read(self, after: int = 0) -> AsyncIterator[tuple[int, LogRecord]]:
        """Yield the records behind number *after*, in order, with their numbers.

        Those that were compacted away are not among them.
        """
        ...

    async def compact(self, through: int, documents: Iterable[Document]) -> None:
        """Keep documents in place of all records up to number *through*, all at once.

        A document replaces an earlier one of its kind and id. What was given to ``append`` before
        this is in the log before it.

        Raises:
            ClosedError: The log was closed.
            UnreachableError: It cannot be written now; nothing has changed.
        """
        ...

    def documents(self, kind: str) -> AsyncIterator[Document]:
        """Yield the documents of a kind, in the order in which they were first made."""
        ...

    async def mend(self) -> None:
        """Take records again after an ``append`` has failed and all behind it have failed too.

        Raises:
            ClosedError: The log was closed.
            UnreachableError: It still cannot be written.
        """
        ...

    async def aclose(self) -> None:
        """Write out what is left and release everything. Closing twice is fine."""
        ...


class BlobStore(Protocol):
    """Bytes under their digest; what is there never changes."""

    async def put(self, data: bytes) -> Payload:
        """Keep *data* and return its address. Keeping the same bytes again costs nothing.

        When this returns, the bytes outlive a crash as far as the store promises. Every ``put`` is
        answered by one ``release`` or by closing the store.

        Raises:
            ClosedError: The store was closed.
            LimitExceededError, UnreachableError: There is no room; nothing was kept.
        """
        ...

    async def get(self, digest: str) -> bytes:
        """Return the bytes.

        Raises:
            KeyError: There are none under that digest, or none that it fits: bytes that were
                damaged are never given.
            UnreachableError: They cannot be read now, for example because too many files are
                open.
        """
        ...

    def open(self, digest: str) -> AsyncIterator[bytes]:
        """Yield the bytes in pieces of at most 256 KiB, for streaming.

        Raises:
            KeyError: There are none under that digest.
        """
        ...

    async def release(self, digest: str) -> None:
        """Undo one ``put``; the bytes go when the last is undone. Unknown digests are ignored."""
        ...

    async def adopt(self, digests: Iterable[str]) -> None:
        """Take *digests* as the puts that were not undone, each as often as it comes.

        Called once after a recovery, before anything else: blobs that are not among them are
        left from a crash, and go. A digest for which there are no bytes is no error here.
        """
        ...

    async def aclose(self) -> None:
        """Release everything. Closing twice is fine."""
        ...
