"""What callers were told, against what the server has."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from attrs import define, field, fields, frozen

__all__ = ["Ending", "Tally"]


@frozen
class Ending:
    """What the caller was told about one submission or opening.

    Attributes:
        id: The job or session, if there is an answer.
        unknown: Whether the last word was that the outcome is unknown.
        error: The name of the last error, if there is no answer.
        again: How often the caller asked again.
    """

    id: str | None
    unknown: bool = False
    error: str | None = None
    again: int = 0


@define
class Tally:
    """What came of submissions, or of openings of sessions, against what the server has.

    Attributes:
        asked: How many there were.
        acknowledged: Those that were answered with a job or session.
        doubled: Those for which the server has more than one.
        lost: Those that were answered with one that the server does not have, or has for another
            one; and those of which the caller was told that they certainly were not done, though
            they were.
        unknown: Those of which the caller was told that the outcome is unknown.
        unknown_done: Those among them that the server has.
        refused: Those of which the caller was told that they were not done.
        again: How often callers asked again.
        faults: What met the requests, by kind.
        errors: What callers were told, by the name of the error.
    """

    asked: int = 0
    acknowledged: int = 0
    doubled: int = 0
    lost: int = 0
    unknown: int = 0
    unknown_done: int = 0
    refused: int = 0
    again: int = 0
    faults: Counter[str] = field(factory=Counter)
    errors: Counter[str] = field(factory=Counter)

    def add(
        self,
        endings: Mapping[str, Ending],
        there: Mapping[str, list[str]],
        faults: Mapping[str, int],
    ) -> None:
        """Count a world.

        Args:
            endings: What callers were told, by the mark of each submission or opening.
            there: The ids of what the server has, by the same mark.
            faults: What met the requests.
        """
        self.asked += len(endings)
        self.faults.update(faults)
        for mark, ending in endings.items():
            found = there.get(mark, [])
            self.again += ending.again
            self.doubled += len(found) > 1
            if ending.error:
                self.errors[ending.error] += 1
            if ending.id is not None:
                self.acknowledged += 1
                self.lost += ending.id not in found
            elif ending.unknown:
                self.unknown += 1
                self.unknown_done += bool(found)
            else:
                self.refused += 1
                self.lost += bool(found)

    def merge(self, other: "Tally") -> None:
        """Count what was counted elsewhere."""
        for name in ("faults", "errors"):
            getattr(self, name).update(getattr(other, name))
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_COUNTS: Final = tuple(one.name for one in fields(Tally) if one.type is int)
