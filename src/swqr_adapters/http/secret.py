"""A value that must not be seen."""

from typing import Final, final

__all__ = ["Secret"]

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
