"""The one tag that carries a submission's key on platforms that know no keys."""

from collections.abc import Iterable
from typing import Final

from swqr_core.errors import InvalidInputError

__all__ = ["USER_TAGS", "check_tags", "key_tag", "reserved", "users"]

USER_TAGS: Final = 7
"""How many of a job's eight tags are left for the user where one carries the key."""

_PREFIX: Final = "swqr-key:"
_LONGEST: Final = 86
_TOO_MANY: Final = 1204
_TOO_LONG: Final = 1205


def key_tag(key: str) -> str:
    """Return the tag for a key; at most 73 characters."""
    return _PREFIX + key


def users(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags that are the user's."""
    return tuple(tag for tag in tags if not tag.startswith(_PREFIX))


def reserved(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags that are ours."""
    return tuple(tag for tag in tags if tag.startswith(_PREFIX))


def check_tags(tags: tuple[str, ...], *, most: int) -> None:
    """Check a user's tags.

    Raises:
        InvalidInputError: Too many (code 1204), too long (code 1205), or one of ours.
    """
    if len(tags) > most:
        raise InvalidInputError("tags", f"at most {most} are possible, not {len(tags)}", _TOO_MANY)
    for tag in tags:
        if not 1 <= len(tag) <= _LONGEST:
            raise InvalidInputError(
                "tags", f"each must have 1 to {_LONGEST} characters, not {len(tag)}", _TOO_LONG
            )
        if tag.startswith(_PREFIX):
            raise InvalidInputError("tags", f"{_PREFIX!r} is how this transport marks its own tags")
