"""A store: its lock, its threads, and what of it is a log and what are blobs."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from swqr_core.errors import ConfigurationError

from .blobs import SqliteBlobStore
from .damage import Damage
from .location import StoreFiles
from .lock import StoreLock
from .log import SqliteEventLog, document_count, is_sound, is_sound_document, through_of
from .reader import Reader
from .schema import connect, prepare
from .wal import Ending, ending
from .writer import Writer

__all__ = ["Store", "open_store"]


class Store:
    """An event log and a blob store in one place, for one process.

    Attributes:
        path: The database.
        log: The event log.
        blobs: The blob store.
        known: What it was told to remember, by name.
    """

    def __init__(
        self,
        files: StoreFiles,
        lock: StoreLock,
        *,
        through: int,
        last: int,
        known: Mapping[str, str],
    ) -> None:
        self.path = files.database
        self.known = known
        self._files, self._lock = files, lock
        self._writer = Writer(partial(connect, files))
        self._reader = Reader(partial(connect, files))
        damage = Damage(files)
        self.log = SqliteEventLog(self._writer, self._reader, damage, through=through, last=last)
        self.blobs = SqliteBlobStore(self._writer, self._reader, files, damage)

    def __repr__(self) -> str:
        return f"<Store {str(self.path)!r} of {len(self.log)} records and {len(self.blobs)} blobs>"

    @property
    def commits(self) -> int:
        """How many transactions were written since it was opened."""
        return self._writer.commits

    async def aclose(self) -> None:
        """Write out what is left, and let the store go. Closing twice is fine."""
        await self.log.aclose()
        await self.blobs.aclose()
        await self._reader.aclose()
        await self._writer.aclose()
        self._lock.release()


def open_store(
    path: Path, *, quarantine: bool = False, remember: Mapping[str, str] | None = None
) -> Store:
    """Open a store, or make one; call it on the loop on which it will be used.

    Args:
        path: The database.
        quarantine: Whether, if the log is damaged, to go on from before the damage, and to set
            the rest of the log aside.
        remember: What the store is to know by name from now on, unless it knows that already.

    Raises:
        ConfigurationError: It is no store, another process uses it, it is damaged, a newer swqr
            has written it, or it cannot be written.
    """
    files = StoreFiles(path)
    files.check()
    lock = StoreLock(files)
    try:
        damage = Damage(files)
        _look_at_last_writes(files, damage, quarantine=quarantine)
        prepare(files)
        try:
            with closing(connect(files)) as connection:
                if quarantine:
                    _set_documents_aside(connection, damage)
                    _set_damaged_aside(connection, damage)
                found = connection.execute("SELECT count(*) FROM documents").fetchone()[0]
                if found != document_count(connection):
                    raise damage.of_missing_documents()
                through = through_of(connection)
                connection.executemany(
                    "INSERT OR IGNORE INTO settings VALUES (?, ?)", (remember or {}).items()
                )
                known = dict(connection.execute("SELECT name, value FROM settings"))
                last = connection.execute("SELECT max(number) FROM records").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(str(files), f"cannot be read: {error}") from error
        return Store(files, lock, through=through, last=last or through, known=known)
    except BaseException:
        lock.release()
        raise


def _look_at_last_writes(files: StoreFiles, damage: Damage, *, quarantine: bool) -> None:
    try:
        how = ending(files.wal)
    except OSError as error:
        raise ConfigurationError(str(files), f"cannot be read: {error.strerror}") from error
    if how is Ending.TORN:
        damage.report("the last write was cut off before it was confirmed, and is dropped")
    elif how is Ending.DAMAGED and not quarantine:
        raise ConfigurationError(
            str(files),
            f"{files.wal.name!r} is damaged in the middle, and confirmed records stand behind "
            "that: put a copy of the store back, or open it once with on_damage=quarantine, "
            "which goes on from before the damage and sets the rest aside",
        )
    elif how is Ending.DAMAGED:
        damage.set_aside(files.wal.name, files.wal.read_bytes(), "the last writes are damaged")


def _set_documents_aside(connection: sqlite3.Connection, damage: Damage) -> None:
    """Do without the damaged documents of jobs, and without missing ones."""
    rows = connection.execute("SELECT place, kind, id, body, sum FROM documents")
    bad = [row for row in rows if not is_sound_document(*row[1:])]
    bad_jobs = [row for row in bad if row[1] == "job"]
    for place, kind, id, body, _ in bad_jobs:
        data = body if isinstance(body, bytes) else str(body).encode()
        damage.set_aside(f"{kind}-{id}.json", data, f"what is known of {kind} {id!r} is damaged")
        connection.execute("DELETE FROM documents WHERE place = ?", (place,))
    if len(bad) == len(bad_jobs):
        count = connection.execute("SELECT count(*) FROM documents").fetchone()[0]
        connection.execute("INSERT OR REPLACE INTO settings VALUES ('documents', ?)", (str(count),))


def _set_damaged_aside(connection: sqlite3.Connection, damage: Damage) -> None:
    expected = through_of(connection) + 1
    for number, body, sum in connection.execute(
        "SELECT number, body, sum FROM records ORDER BY number"
    ):
        if number != expected or not is_sound(number, body, sum):
            break
        expected += 1
    rest = connection.execute(
        "SELECT number, body, sum FROM records WHERE number >= ? ORDER BY number", (expected,)
    ).fetchall()
    if rest:
        lines = "".join(f"{json.dumps(row)}\n" for row in rest)
        what = f"record {expected} of the log is damaged or missing: {len(rest)} are set aside"
        damage.set_aside(f"records-{expected}.jsonl", lines.encode(), what)
        connection.execute("DELETE FROM records WHERE number >= ?", (expected,))
