"""Durations as people write them."""

import math
import re

from swqr_core.errors import InvalidInputError

__all__ = ["parse_seconds"]

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_TEXT = re.compile(r"(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+)\s*s)?")


def parse_seconds(value: float | str, *, field: str = "max_time") -> int:
    """Return whole seconds from a number or from text such as ``"2h 30m 40s"``.

    Units are d, h, m and s, each at most once and in this order, as the official client takes
    them for ``max_time``. Fractions of a second are rounded up.

    Raises:
        InvalidInputError: Neither of the two, not finite, or less than one second.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidInputError(field, f"must be seconds or text like '2h 30m', not {value!r}")
    if isinstance(value, str):
        found = _TEXT.fullmatch(value.strip().lower())
        if not found or not any(found.groups()):
            raise InvalidInputError(field, f"must be like '2h 30m 40s', not {value!r}")
        amounts = zip(found.groups(), _UNITS.values(), strict=True)
        whole = sum(int(amount) * unit for amount, unit in amounts if amount)
    elif math.isfinite(value):
        whole = math.ceil(value)
    else:
        raise InvalidInputError(field, f"must be a finite number of seconds, not {value}")
    if whole < 1:
        raise InvalidInputError(field, f"must be at least 1 second, not {value!r}")
    return whole
