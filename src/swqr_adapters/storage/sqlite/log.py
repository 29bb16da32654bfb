"""The event log in a database."""

import asyncio
import json
import sqlite3
import zlib
from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Final

from swqr_core.errors import ClosedError, InvalidInputError, UnreachableError
from swqr_core.ports.storage import Document, LogRecord

from .damage import Damage, is_corrupt
from .reader import Reader
from .writer import Writer

__all__ = [
    "SqliteEventLog",
    "document_count",
    "is_sound",
    "is_sound_document",
    "through_of",
]

_PIECE: Final = 500
"""Records that are read at once."""

_PROBE: Final = 64 * 1024
"""Bytes that must find room before a log that has failed takes records again."""


def _sum(number: int, body: str) -> int:
    return zlib.crc32(f"{number}:{body}".encode())


def _document_sum(kind: str, id: str, body: str) -> int:
    return zlib.crc32(f"{kind}:{id}:{body}".encode())


def through_of(connection: sqlite3.Connection) -> int:
    """Return the number of the last record that was compacted away."""
    return _number(connection, "through")


def document_count(connection: sqlite3.Connection) -> int:
    """Return how many documents there must be."""
    return _number(connection, "documents")


def _number(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def is_sound_document(kind: str, id: object, body: object, sum: object) -> bool:
    """Return whether a document is as it was written."""
    texts = isinstance(id, str) and isinstance(body, str)
    return texts and sum == _document_sum(kind, str(id), str(body))


def is_sound(number: int, body: object, sum: object) -> bool:
    """Return whether a record is as it was written, and where."""
    return isinstance(body, str) and sum == _sum(number, body)


class SqliteEventLog:
    """The ``EventLog`` port in a database.

    Args:
        writer: Writes to the database.
        reader: Reads from it.
        damage: Where to what is found damaged.
        through: The number of the last record that was compacted away.
        last: The number of the last record.
    """

    def __init__(
        self, writer: Writer, reader: Reader, damage: Damage, *, through: int, last: int
    ) -> None:
        self._writer, self._reader, self._damage = writer, reader, damage
        self._through, self._last = through, last
        self._closed = False

    def __len__(self) -> int:
        return self._last

    def __repr__(self) -> str:
        return f"<SqliteEventLog of {self._last} records>"

    async def append(self, record: LogRecord) -> int:
        """Add a record; return its number once it is on the disk.

        Raises:
            ClosedError: The log was closed.
            TypeError: The record holds what is no JSON; see ``mend``.
            UnreachableError: The disk took nothing; see ``mend``.
        """
        self._check()
        content = [record.version, record.at, record.input, record.facts]
        try:
            body = json.dumps(content, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            self._writer.refuse_chained(error)
            raise

        def insert(connection: sqlite3.Connection) -> int:
            last = connection.execute("SELECT max(number) FROM records").fetchone()[0]
            number = (through_of(connection) if last is None else int(last)) + 1
            connection.execute(
                "INSERT INTO records VALUES (?, ?, ?)", (number, body, _sum(number, body))
            )
            return number

        self._last = max(self._last, number := await self._writer.do(insert, chained=True))
        return number

    async def read(self, after: int = 0) -> AsyncIterator[tuple[int, LogRecord]]:
        """Yield the records behind number *after* that are left, in order, with their numbers.

        Raises:
            ClosedError: The log was closed.
            ConfigurationError: A record is damaged or missing; none behind it is given.
            InvalidInputError: *after* is negative.
            UnreachableError: It cannot be read now.
        """
        if after < 0:
            raise InvalidInputError("after", f"must be 0 or the number of a record, not {after}")
        after = max(after, self._through)
        while True:
            self._check()
            try:
                rows = await self._reader.do(partial(_rows, after=after))
            except UnreachableError as error:
                if not is_corrupt(error.__cause__):
                    raise
                raise self._damage.of_record(after + 1) from error
            for number, body, sum in rows:
                if number != after + 1 or not is_sound(number, body, sum):
                    raise self._damage.of_record(after + 1)
                after = number
                yield number, _parse(body)
            if len(rows) < _PIECE:
                return
            await asyncio.sleep(0)

    async def compact(self, through: int, documents: Iterable[Document]) -> None:
        """Keep documents in place of all records up to number *through*, all at once.

        Raises:
            ClosedError: The log was closed.
            UnreachableError: The disk took nothing; nothing has changed.
        """
        self._check()
        await self._writer.do(partial(_compact, through=through, documents=list(documents)))
        self._through = max(self._through, through)

    async def documents(self, kind: str) -> AsyncIterator[Document]:
        """Yield the documents of a kind, in the order in which they were first made.

        Raises:
            ClosedError: The log was closed.
            ConfigurationError: One is damaged; none behind it is given.
            UnreachableError: They cannot be read now.
        """
        after = 0
        while True:
            self._check()
            try:
                rows = await self._reader.do(partial(_documents, kind=kind, after=after))
            except UnreachableError as error:
                if not is_corrupt(error.__cause__):
                    raise
                raise self._damage.of_document(kind, "?") from error
            for _, id, body, sum in rows:
                if not is_sound_document(kind, id, body, sum):
                    raise self._damage.of_document(kind, id)
                yield Document(kind=kind, id=id, body=json.loads(body))
            if len(rows) < _PIECE:
                return
            after = rows[-1][0]
            await asyncio.sleep(0)

    async def mend(self) -> None:
        """Take records again after an append has failed.

        Raises:
            ClosedError: The log was closed.
            UnreachableError: The disk takes nothing yet.
        """
        self._check()
        await self._writer.mend(_probe)

    async def aclose(self) -> None:
        """Take and give nothing more. Closing twice is fine."""
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise ClosedError("the event log")


def _rows(connection: sqlite3.Connection, after: int) -> list[tuple[int, str, int]]:
    found: list[tuple[int, str, int]] = connection.execute(
        "SELECT number, body, sum FROM records WHERE number > ? ORDER BY number LIMIT ?",
        (after, _PIECE),
    ).fetchall()
    return found


def _parse(body: str) -> LogRecord:
    version, at, input, facts = json.loads(body)
    return LogRecord(version=version, at=at, input=input, facts=facts)


def _documents(
    connection: sqlite3.Connection, kind: str, after: int
) -> list[tuple[int, str, str, int]]:
    found: list[tuple[int, str, str, int]] = connection.execute(
        "SELECT place, id, body, sum FROM documents WHERE kind = ? AND place > ? "
        "ORDER BY place LIMIT ?",
        (kind, after, _PIECE),
    ).fetchall()
    return found


def _compact(connection: sqlite3.Connection, through: int, documents: list[Document]) -> None:
    count = document_count(connection)
    for document in documents:
        name = document.kind, document.id
        if document.body is None:
            gone = connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", name)
            count -= gone.rowcount
            continue
        body = json.dumps(document.body, separators=(",", ":"))
        content = body, _document_sum(*name, body)
        changed = connection.execute(
            "UPDATE documents SET body = ?, sum = ? WHERE kind = ? AND id = ?", (*content, *name)
        )
        if not changed.rowcount:
            connection.execute(
                "INSERT INTO documents (kind, id, body, sum) VALUES (?, ?, ?, ?)",
                (*name, *content),
            )
            count += 1
    connection.execute("DELETE FROM records WHERE number <= ?", (through,))
    connection.executemany(
        "INSERT OR REPLACE INTO settings VALUES (?, ?)",
        [("through", str(through)), ("documents", str(count))],
    )


def _probe(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO settings VALUES ('probe', hex(zeroblob(?)))", (_PROBE // 2,)
    )
