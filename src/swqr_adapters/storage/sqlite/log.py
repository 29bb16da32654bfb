"""The event log in a database."""

import asyncio
import json
import sqlite3
import zlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from swqr_core.errors import ClosedError, InvalidInputError, UnreachableError
from swqr_core.ports.storage import LogRecord

from .damage import Damage
from .reader import Reader
from .writer import Writer

__all__ = ["SqliteEventLog", "is_sound"]

_PIECE: Final = 500
"""Records that are read at once."""

_PROBE: Final = 256 * 1024
"""Bytes that must find room before a log that has failed takes records again."""


def _sum(number: int, body: str) -> int:
    return zlib.crc32(f"{number}:{body}".encode())


def is_sound(number: int, body: object, sum: object) -> bool:
    """Return whether a record is as it was written, and where."""
    return isinstance(body, str) and sum == _sum(number, body)


class SqliteEventLog:
    """The ``EventLog`` port in a database.

    Args:
        writer: Writes to the database.
        reader: Reads from it.
        damage: Where to what is found damaged.
        last: The number of the last record.
    """

    def __init__(self, writer: Writer, reader: Reader, damage: Damage, last: int) -> None:
        self._writer, self._reader, self._damage = writer, reader, damage
        self._last = last
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
            number = int(last or 0) + 1
            connection.execute(
                "INSERT INTO records VALUES (?, ?, ?)", (number, body, _sum(number, body))
            )
            return number

        self._last = max(self._last, number := await self._writer.do(insert, chained=True))
        return number

    async def read(self, after: int = 0) -> AsyncIterator[tuple[int, LogRecord]]:
        """Yield the records behind number *after*, in order, with their numbers.

        Raises:
            ClosedError: The log was closed.
            ConfigurationError: A record is damaged or missing; none behind it is given.
            InvalidInputError: *after* is negative.
        """
        if after < 0:
            raise InvalidInputError("after", f"must be 0 or the number of a record, not {after}")
        while True:
            self._check()
            try:
                rows = await self._reader.do(partial(_rows, after=after))
            except UnreachableError as error:
                raise self._damage.of_record(after + 1) from error
            for number, body, sum in rows:
                if number != after + 1 or not is_sound(number, body, sum):
                    raise self._damage.of_record(after + 1)
                after = number
                yield number, _parse(body)
            if len(rows) < _PIECE:
                return
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


def _probe(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO settings VALUES ('probe', hex(zeroblob(?)))", (_PROBE // 2,)
    )
