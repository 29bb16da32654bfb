"""Values that must not be seen, and references to where they are kept."""

from typing import Final, Self

from attrs import frozen

from swqr_core.errors import ConfigurationError

__all__ = ["HIDDEN", "SecretReference", "SecretText", "tells_a_secret"]

HIDDEN: Final = "********"
_KINDS: Final = ("env", "file", "keyring")
_SECRET_WORDS: Final = ("apikey", "key", "password", "secret", "token")


def tells_a_secret(name: str) -> bool:
    """Return whether a setting of that name holds a secret itself, such as ``token``."""
    words = name.lower().replace(".", "_").split("_")
    return words[-1] in _SECRET_WORDS


class SecretText(str):
    """Text whose ``repr`` hides it, so that a message that shows a wrong value does not show it.

    A transport that finds one among its settings knows that it came by reference, and not from a
    URL or out of a file that everybody reads.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)


@frozen
class SecretReference:
    """Where a secret is kept. Written ``env:NAME``, ``file:PATH`` or ``keyring:SERVICE/USER``.

    Attributes:
        kind: ``env``, ``file`` or ``keyring``.
        name: The variable, the path, or the service and the user with a slash between them.
        base: The folder that a relative path begins in; the working directory if empty.
    """

    kind: str
    name: str
    base: str = ""

    @classmethod
    def parse(cls, text: str, *, source: str, base: str = "") -> Self:
        """Read a reference.

        Raises:
            ConfigurationError: It is none. The message does not show it: it may be the secret.
        """
        kind, colon, name = text.partition(":")
        if kind not in _KINDS or not colon or not name:
            raise ConfigurationError(
                source,
                "a secret is a reference: 'env:NAME', 'file:PATH' or 'keyring:SERVICE/USER', and "
                "never the secret itself",
            )
        if kind == "keyring" and not all(name.partition("/")):
            raise ConfigurationError(
                source, "'keyring:' needs a service and a user: 'keyring:SERVICE/USER'"
            )
        return cls(kind, name, base)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"
