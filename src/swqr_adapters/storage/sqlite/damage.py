"""What becomes of what is found damaged: it is set aside, reported, and never taken for sound."""

import logging
import sqlite3
from pathlib import Path

from swqr_core.errors import ConfigurationError

from .location import StoreFiles

__all__ = ["Damage", "is_corrupt"]

_log = logging.getLogger(__name__)


def is_corrupt(error: BaseException | None) -> bool:
    """Return whether SQLite says that what it has read is damaged: it may fail otherwise, too."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Damage:
    """Reports what is found damaged in a store, and keeps it for whoever wants to look.

    Args:
        files: The store.
    """

    def __init__(self, files: StoreFiles) -> None:
        self._files = files

    def of_record(self, number: int) -> ConfigurationError:
        """Return the error for a record of the log that is damaged or missing."""
        return ConfigurationError(
            str(self._files),
            f"record {number} of its log is damaged or missing, and what follows builds on it: "
            "put a copy of the store back, or open it once with on_damage=quarantine, which "
            "goes on from before that record and sets the rest aside",
        )

    def of_document(self, kind: str, id: str) -> ConfigurationError:
        """Return the error for what is known of a thing and is damaged."""
        return ConfigurationError(
            str(self._files),
            f"what it knows of {kind} {id!r} is damaged: put a copy of the store back, or open it "
            "once with on_damage=quarantine, which does without it if it is a job, and sets it "
            "aside",
        )

    def of_missing_documents(self) -> ConfigurationError:
        """Return the error for a store in which something is missing as if it never was."""
        return ConfigurationError(
            str(self._files),
            "some of what it knew is missing: put a copy of the store back, or open it once with "
            "on_damage=quarantine, which does without it",
        )

    def set_aside(self, name: str, data: bytes, what: str) -> None:
        """Keep bytes in the folder of damaged ones, as far as there is room; it blocks."""
        kept = self._files.quarantine / name
        try:
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            kept.write_bytes(data)
        except OSError as error:
            _log.error("%s: %s; it could not be kept: %s", self._files, what, error)
        else:
            _log.error("%s: %s; what there is of it is in %s", self._files, what, kept)

    def move_aside(self, file: Path, what: str) -> None:
        """Move a file to the folder of damaged ones; it blocks."""
        kept = self._files.quarantine / file.name
        try:
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            file.replace(kept)
        except OSError as error:
            _log.error("%s: %s; it could not be kept: %s", self._files, what, error)
        else:
            _log.error("%s: %s; what there is of it is in %s", self._files, what, kept)

    def report(self, what: str) -> None:
        """Say what was found."""
        _log.warning("%s: %s", self._files, what)
