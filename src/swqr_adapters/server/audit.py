"""Who changed what: one line for each request that may change something."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Audit", "AuditFile"]


class Audit(Protocol):
    """What keeps the lines."""

    def record(self, entry: Mapping[str, Any]) -> None:
        """Keep a line; plain JSON values."""
        ...


class AuditFile:
    """A file of JSON lines that is only ever added to, and that nobody else can read.

    Each line goes to the system in one piece, so lines of several servers do not mix.

    Args:
        path: The file; made with mode 0600 if it is not there.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def record(self, entry: Mapping[str, Any]) -> None:
        """Add a line."""
        os.write(self._file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
