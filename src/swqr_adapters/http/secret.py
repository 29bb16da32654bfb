"""A value that must not be seen."""

import json
from collections.abc import Iterable
from typing import Final, final
from urllib.parse import quote, quote_plus

__all__ = ["Secret", "without"]

_SHOWN: Final = "[secret]"


@final
class Secret:
    """Text that never prints: not in ``repr``, not in ``str``, not in a format or a traceback.

    Args:
        value: The text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text. Call this where it goes on the wire, and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return _SHOWN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return _SHOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not for storing: read it again from where it comes from")


def without(text: bytes, secrets: Iterable[Secret]) -> bytes:
    """Return what somebody else has said without the secrets that they were told.

    A secret is known by its last word (``Bearer TOKEN``), as JSON and as part of a URL or a form.
    """
    words = {secret.reveal().rpartition(" ")[2] for secret in secrets} - {""}
    forms = (
        str,
        quote_plus,
        lambda word: quote(word, safe=""),
        lambda word: json.dumps(word)[1:-1],
    )
    for shape in sorted({form(word).encode() for word in words for form in forms}, key=len)[::-1]:
        text = text.replace(shape, _SHOWN.encode())
    return text
