"""Where a store is: from a URL or a path to the files of a store."""

from pathlib import Path
from typing import Final

from attrs import frozen

from swqr_core.errors import ConfigurationError

__all__ = ["StoreFiles", "store_path"]

_SCHEME: Final = "sqlite:///"


def store_path(text: str) -> Path:
    """Return the path of the database that a setting names.

    Args:
        text: ``sqlite:///relative/path``, ``sqlite:////absolute/path``, or the path itself.

    Raises:
        ConfigurationError: It names no file, or a store of another kind.
    """
    path = text.removeprefix(_SCHEME)
    if path == text and "://" in text:
        raise ConfigurationError(
            "store", f"there are stores like 'sqlite:///path' and no other kind, so not {text!r}"
        )
    if not path or "\0" in path:
        raise ConfigurationError("store", f"must name a file like 'sqlite:///path', not {text!r}")
    return Path(path)


@frozen
class StoreFiles:
    """The files of a store.

    Attributes:
        database: The database.
    """

    database: Path

    def __str__(self) -> str:
        return f"store {str(self.database)!r}"

    def _beside(self, ending: str) -> Path:
        return self.database.with_name(f"{self.database.name}{ending}")

    @property
    def wal(self) -> Path:
        """What was written and is not in the database yet."""
        return self._beside("-wal")

    @property
    def lock(self) -> Path:
        """Who has it holds the store; the process id stands in it."""
        return self._beside(".lock")

    @property
    def blobs(self) -> Path:
        """The folder of large payloads."""
        return self._beside(".blobs")

    @property
    def quarantine(self) -> Path:
        """The folder of what was found damaged."""
        return self._beside(".quarantine")

    def check(self) -> None:
        """Look whether there can be a store.

        Raises:
            ConfigurationError: It is a folder, or there is no folder for it.
        """
        path = self.database
        try:
            if path.is_dir():
                raise ConfigurationError(
                    str(self), f"is a folder: name a file, for example {str(path / 'swqr.db')!r}"
                )
            if not path.parent.is_dir():
                hint = "" if path.is_absolute() else ", or write an absolute path with four slashes"
                raise ConfigurationError(
                    str(self), f"there is no folder {str(path.parent)!r}: make it first{hint}"
                )
        except OSError as error:
            raise ConfigurationError(str(self), f"cannot be reached: {error.strerror}") from error
