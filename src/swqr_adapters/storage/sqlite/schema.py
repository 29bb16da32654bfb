"""The tables of a store, their version, and the way from older ones."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Final

from swqr_core.errors import ConfigurationError

from .location import StoreFiles

__all__ = ["FORMAT", "connect", "prepare"]

FORMAT: Final = 2
"""The format that is written."""

_APPLICATION: Final = 0x73777172  # "swqr"

# A record's check covers its number, so records cannot change places.
_TABLES: Final = """
CREATE TABLE records (number INTEGER PRIMARY KEY, body TEXT NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE documents (
    place INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    sum INTEGER NOT NULL, UNIQUE (kind, id)
);
CREATE INDEX documents_in_order ON documents (kind);
CREATE TABLE blobs (digest TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


def _from_1(connection: sqlite3.Connection) -> None:
    """Format 1 kept every record for ever, and so had no documents."""
    for statement in _statements():
        if "documents" in statement:
            connection.execute(statement)


def _statements() -> list[str]:
    return [statement for statement in _TABLES.split(";") if statement.strip()]


_UPGRADES: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = MappingProxyType(
    {1: _from_1}
)
"""How a store of each older format becomes one of the next."""


def connect(files: StoreFiles) -> sqlite3.Connection:
    """Open the database, for use by one thread at a time.

    Commits are synchronous to the full: a commit returns when the disk has it. ``NORMAL`` would
    be several times as fast for a lonely writer, but loses the last commits with the power; with
    many writers at once, one commit carries what all of them wrote.
    """
    connection = sqlite3.connect(files.database, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def prepare(files: StoreFiles) -> None:
    """Make the tables, or those of today out of older ones.

    Raises:
        ConfigurationError: It is no store, it is damaged, a newer swqr has written it, or it
            cannot be written.
    """
    try:
        with closing(connect(files)) as connection:
            _prepare(files, connection)
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(str(files), _explain(error)) from error


def _prepare(files: StoreFiles, connection: sqlite3.Connection) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    format = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != _APPLICATION and (tables or format):
        problem = "is a database of another program: choose another file"
        raise ConfigurationError(str(files), problem)
    if format > FORMAT:
        raise ConfigurationError(
            str(files),
            f"was written by a newer swqr (format {format}, and this one reads up to {FORMAT}): "
            "use that version or a newer one",
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not tables:
            for statement in _statements():
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        else:
            for older in range(format, FORMAT):
                _UPGRADES[older](connection)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # on a full disk the commit has ended it
            connection.execute("ROLLBACK")
        raise


def _explain(error: sqlite3.DatabaseError) -> str:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return "is no database: choose another file"
        case sqlite3.SQLITE_CORRUPT:
            return f"is damaged ({error}): put a copy of it back, or choose another file"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return f"cannot be written ({error}): choose a file and a folder that can be"
        case sqlite3.SQLITE_FULL:
            return f"has no room ({error}): free some"
        case sqlite3.SQLITE_IOERR:  # so it is told too when there is no room for the shared index
            return f"cannot be read or written ({error}): is there room, and is the disk sound?"
        case _:
            return f"cannot be opened: {error}"
