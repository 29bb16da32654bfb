"""An event log that lives as long as its process."""

from collections.abc import AsyncIterator, Iterable

from swqr_core.errors import ClosedError, InvalidInputError, UnsupportedOperation
from swqr_core.ports.storage import Document, LogRecord

__all__ = ["MemoryEventLog"]

_NAME = "the in-memory event log"


class MemoryEventLog:
    """The ``EventLog`` port without a disk: nothing outlives the process.

    Args:
        keep: Whether records are kept for ``read``. Without, they are only counted, and the log
            takes no room however long it runs.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self._records: list[LogRecord] = []
        self._through = 0
        self._documents: dict[tuple[str, str], Document] = {}
        self._count = 0
        self._closed = False

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        kept = "" if self._keep else ", none kept"
        return f"<MemoryEventLog of {self._count} records{kept}>"

    async def append(self, record: LogRecord) -> int:
        """Add a record and return its number, counted from 1.

        Raises:
            ClosedError: The log was closed.
        """
        self._check()
        self._count += 1
        if self._keep:
            self._records.append(record)
        return self._count

    async def read(self, after: int = 0) -> AsyncIterator[tuple[int, LogRecord]]:
        """Yield the records behind number *after*, those added meanwhile included.

        Raises:
            ClosedError: The log was closed.
            InvalidInputError: *after* is negative.
            UnsupportedOperation: There are such records, but they were not kept.
        """
        if after < 0:
            raise InvalidInputError("after", f"must be 0 or the number of a record, not {after}")
        self._check()
        if not self._keep and self._count > after:
            raise UnsupportedOperation(_NAME, "reading, because it was made with keep=False")
        number = max(after, self._through)
        while number < self._count:
            number += 1
            yield number, self._records[number - self._through - 1]
            self._check()

    async def compact(self, through: int, documents: Iterable[Document]) -> None:
        """Keep documents in place of all records up to number *through*.

        Raises:
            ClosedError: The log was closed.
        """
        self._check()
        for document in documents:
            if document.body is None:
                self._documents.pop((document.kind, document.id), None)
            else:
                self._documents[document.kind, document.id] = document
        if self._keep:
            del self._records[: through - self._through]
        self._through = max(self._through, through)

    async def documents(self, kind: str) -> AsyncIterator[Document]:
        """Yield the documents of a kind, in the order in which they were first made.

        Raises:
            ClosedError: The log was closed.
        """
        self._check()
        for document in [each for each in self._documents.values() if each.kind == kind]:
            yield document

    async def mend(self) -> None:
        """Do nothing: memory does not fail to take a record.

        Raises:
            ClosedError: The log was closed.
        """
        self._check()

    async def aclose(self) -> None:
        """Forget everything. Closing twice is fine."""
        self._closed = True
        self._records.clear()
        self._documents.clear()

    def _check(self) -> None:
        if self._closed:
            raise ClosedError(_NAME)
