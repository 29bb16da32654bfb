"""Checks that several models need. Every failure is an ``InvalidInputError`` naming the field."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import Attribute

from swqr_core.errors import InvalidInputError

__all__ = [
    "aware_utc",
    "flag",
    "integer",
    "json_object",
    "optional",
    "seconds",
    "text",
    "texts",
    "tuple_of_text",
]

_Check = Callable[[object, "Attribute[Any]", Any], None]


def texts(value: Iterable[str]) -> tuple[str, ...]:
    """Make a tuple of a list of texts; one text is no list, however iterable it is."""
    return (value,) if isinstance(value, str) else tuple(value)


def optional(check: _Check) -> _Check:
    """Accept None, and otherwise what *check* accepts."""

    def validate(instance: object, attribute: "Attribute[Any]", value: Any) -> None:
        if value is not None:
            check(instance, attribute, value)

    return validate


def flag(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    """Accept True and False; 1 and 0 are numbers."""
    if not isinstance(value, bool):
        raise InvalidInputError(attribute.name, f"must be True or False, not {value!r:.100}")


def json_object(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    """Accept mappings."""
    if not isinstance(value, Mapping):
        raise InvalidInputError(attribute.name, f"must be a JSON object, not {value!r:.100}")


def integer(*, at_least: int, at_most: int | None = None, unit: str = "") -> _Check:
    """Accept whole numbers in a range; ``True`` is not a number here."""

    def validate(_: object, attribute: "Attribute[Any]", value: Any) -> None:
        right = f"must be a whole number{f' of {unit}' if unit else ''}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidInputError(attribute.name, f"{right}, not {value!r}")
        if value < at_least or (at_most is not None and value > at_most):
            span = f"at least {at_least}" if at_most is None else f"{at_least} to {at_most}"
            raise InvalidInputError(attribute.name, f"{right}, {span}, not {value}")

    return validate


def seconds(*, above_zero: bool = False, unit: str = "seconds") -> _Check:
    """Accept finite seconds, or another unit, whole or not, that are not negative."""

    def validate(_: object, attribute: "Attribute[Any]", value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInputError(attribute.name, f"must be a number of {unit}, not {value!r}")
        if not math.isfinite(value) or value < 0 or (above_zero and value == 0):
            least = "above 0" if above_zero else "0 or more"
            raise InvalidInputError(attribute.name, f"must be {least} {unit}, not {value}")

    return validate


def probability(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    """Accept numbers from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidInputError(attribute.name, f"must be a number from 0 to 1, not {value!r}")


def text(*, at_most: int, at_least: int = 1, among: Collection[str] | None = None) -> _Check:
    """Accept text of a bounded length, or one of the given words."""

    def validate(_: object, attribute: "Attribute[Any]", value: Any) -> None:
        if not isinstance(value, str):
            raise InvalidInputError(attribute.name, f"must be text, not {value!r}")
        if among is not None and value not in among:
            words = ", ".join(sorted(among))
            raise InvalidInputError(attribute.name, f"must be one of {words}, not {value!r}")
        if not at_least <= len(value) <= at_most:
            raise InvalidInputError(
                attribute.name,
                f"must have {at_least} to {at_most} characters, not {len(value)}",
            )

    return validate


def tuple_of_text(
    *,
    most: int,
    longest: int,
    shortest: int = 1,
    too_many: int | None = None,
    too_long: int | None = None,
) -> _Check:
    """Accept a tuple of texts; *too_many* and *too_long* are the codes of those errors."""

    def validate(_: object, attribute: "Attribute[Any]", value: Any) -> None:
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            raise InvalidInputError(attribute.name, f"must be a list of texts, not {value!r}")
        if len(value) > most:
            raise InvalidInputError(
                attribute.name, f"at most {most} are possible, not {len(value)}", too_many
            )
        for item in value:
            if not shortest <= len(item) <= longest:
                raise InvalidInputError(
                    attribute.name,
                    f"each must have {shortest} to {longest} characters, not {len(item)}",
                    too_long,
                )

    return validate


def aware_utc(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    """Accept timezone-aware datetimes in UTC."""
    if not isinstance(value, datetime) or value.tzinfo is not UTC:
        raise InvalidInputError(attribute.name, f"must be a datetime in UTC, not {value!r}")
