"""The one tag that carries a submission's key on platforms that know no keys."""

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from swqr_core.errors import InvalidInputError

__all__ = ["KEY_TAGS", "OWN_TAGS", "USER_TAGS", "KeyTags"]

USER_TAGS: Final = 7
"""How many of a job's eight tags are left for the user where one carries the key."""

_LONGEST: Final = 86
_TOO_MANY: Final = 1204
_TOO_LONG: Final = 1205


@frozen
class KeyTags:
    """Tags that begin with a prefix of ours.

    Attributes:
        prefix: What they begin with; a key of 64 characters must have room behind it.
    """

    prefix: str

    def of(self, key: str) -> str:
        """Return the tag for a key."""
        return self.prefix + key

    def users(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Return the tags that are the user's."""
        return tuple(tag for tag in tags if not tag.startswith(self.prefix))

    def ours(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Return the tags that are ours."""
        return tuple(tag for tag in tags if tag.startswith(self.prefix))

    def check(self, tags: tuple[str, ...], *, most: int) -> None:
        """Check a user's tags.

        Raises:
            InvalidInputError: Too many (code 1204), too long (code 1205), or one of ours.
        """
        if len(tags) > most:
            raise InvalidInputError(
                "tags", f"at most {most} are possible, not {len(tags)}", _TOO_MANY
            )
        for tag in tags:
            if not 1 <= len(tag) <= _LONGEST:
                raise InvalidInputError(
                    "tags", f"each must have 1 to {_LONGEST} characters, not {len(tag)}", _TOO_LONG
                )
            if self.ours([tag]):
                raise InvalidInputError(
                    "tags", f"{self.prefix!r} is how this transport marks its own tags"
                )


KEY_TAGS: Final = KeyTags("swqr-key:")
"""At any server that is not ours."""

OWN_TAGS: Final = KeyTags("swqr-via:")
"""At a gateway of ours, whose own transport may mark jobs with the other prefix."""
