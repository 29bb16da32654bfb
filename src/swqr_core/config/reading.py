"""How a transport reads its settings: an attrs class with one ``setting`` per name.

Settings arrive as text, from a URL, a profile or a variable. A mistake says which setting is wrong
and what would be right, and never shows a secret.
"""

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from attrs import field, fields

from swqr_core.errors import ConfigurationError

from .secret import SecretText

__all__ = [
    "amount",
    "count",
    "nearest",
    "number",
    "numbers",
    "one_of",
    "read_settings",
    "setting",
    "size",
    "switch",
    "texts",
]

T = TypeVar("T")

_WORDS = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


def setting(read: Callable[[str], Any], default: object, *, shown: bool = True) -> Any:
    """Return an attrs field for a setting.

    Args:
        read: Makes its value from text; raises ``ValueError`` with what the text must be.
        default: Its value if nobody gives it.
        shown: Whether its value may appear in a ``repr`` and in messages.
    """
    return field(default=default, repr=shown, metadata={"read": read})


def read_settings(kind: type[T], settings: Mapping[str, str], *, source: str) -> T:
    """Make a settings object from text.

    Args:
        kind: An attrs class whose fields come from ``setting``.
        settings: The texts by name.
        source: Whose settings they are, for messages.

    Raises:
        ConfigurationError: A setting is unknown or its value cannot be used; the error has its
            name as ``setting``.
    """
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, text in settings.items():
        if name not in known:
            problem = f"there is no setting {name!r}; {nearest(name, known)}"
            raise ConfigurationError(source, f"{problem}known: {', '.join(known)}", name)
        try:
            values[name] = known[name].metadata["read"](text)
        except ValueError as error:
            hidden = isinstance(text, SecretText) or not known[name].repr
            shown = "" if hidden else f", not {text!r}"
            raise ConfigurationError(source, f"{name} {error}{shown}", name) from None
    return kind(**values)


def nearest(name: str, known: Collection[str]) -> str:
    """Return a question that proposes the nearest known name, or an empty text."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def switch(text: str) -> bool:
    """Read ``on`` or ``off``."""
    if text.lower() not in _WORDS:
        raise ValueError("must be on or off")
    return _WORDS[text.lower()]


def number(text: str) -> int:
    """Read a whole number."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("must be a whole number")
    return int(text)


def count(text: str) -> int:
    """Read a whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError("must be a whole number from 1 on")
    return int(text)


def size(text: str) -> int:
    """Read a number of bytes, with K, M or G behind it for larger units."""
    unit = {"K": 2**10, "M": 2**20, "G": 2**30}.get(text[-1:].upper(), 1)
    digits = text if unit == 1 else text[:-1]
    if not (digits.isascii() and digits.isdigit() and int(digits)):
        raise ValueError("must be a number of bytes, which may end in K, M or G")
    return int(digits) * unit


def amount(text: str) -> float:
    """Read a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number of seconds") from None
    if not 0 <= value < math.inf:
        raise ValueError("must be 0 or more seconds")
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """Return what reads one of these words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return text

    return read


def texts(text: str) -> tuple[str, ...]:
    """Read texts with commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def numbers(text: str) -> tuple[int, ...]:
    """Read whole numbers with commas between them."""
    return tuple(number(part) for part in texts(text))
