"""What was asked for, as far as an error needs it."""

from typing import Final

from attrs import frozen

__all__ = ["Errand", "is_passing"]

_SERVER: Final = 500


@frozen(kw_only=True)
class Errand:
    """What was asked for, as far as an error needs it.

    Attributes:
        action: In words, for example ``submit``.
        query: Whether it changes nothing.
        key: The key, or else the id, under which to look whether it happened.
        job: The job it is about.
        session: The session it is about.
        backend: The backend it is about.
        program: The program it is about.
        instance: The instance it is done in.
        size: The size of what was sent, in bytes.
    """

    action: str
    query: bool = True
    key: str = ""
    job: str | None = None
    session: str | None = None
    backend: str | None = None
    program: str | None = None
    instance: str = ""
    size: int = 0


def is_passing(status: int) -> bool:
    """Return whether an answer with that status says nothing about what was asked."""
    return status >= _SERVER
