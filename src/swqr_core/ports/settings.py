"""The port to what a user has configured."""

from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen

__all__ = ["SettingsFile", "SettingsSource"]


@frozen(kw_only=True)
class SettingsFile:
    """A configuration file.

    Attributes:
        path: Where it is, for messages.
        folder: Where its relative paths begin.
        content: What stands in it.
        lines: On which line each key stands, from 1, by its path, for example
            ``("profiles", "dev", "seed")``.
    """

    path: str
    folder: str
    content: Mapping[str, object] = field(repr=False)
    lines: Mapping[tuple[str, ...], int] = field(factory=dict, repr=False)

    def place(self, *keys: str) -> str:
        """Return where a key stands, as ``PATH:LINE``."""
        line = self.lines.get(keys)
        return self.path if line is None else f"{self.path}:{line}"


class SettingsSource(Protocol):
    """Files, variables and secrets. What implements it is found by entry point."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables of the process."""
        ...

    def files(self) -> tuple[SettingsFile, ...]:
        """Return the configuration files that exist, the strongest (the project's) first.

        Raises:
            ConfigurationError: A file cannot be read, with its line.
        """
        ...

    def secret(self, kind: str, name: str, base: str) -> str:
        """Return a secret.

        Args:
            kind: ``env``, ``file`` or ``keyring``.
            name: The variable, the path, or ``SERVICE/USER``.
            base: Where a relative path begins.

        Raises:
            ConfigurationError: There is none, or others than its owner can read it.
            MissingExtraError: The keyring's package is not installed.
        """
        ...
