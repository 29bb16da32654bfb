"""What goes wrong with a request on its way, drawn from a seed."""

import random
import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attrs import field, frozen

__all__ = ["BY_THE_NETWORK", "BY_THE_SENDER", "SHORTEST", "Act", "Draw", "Kind", "Weather"]

SHORTEST: Final = 10_000
"""Seconds that the first session of a world may last. An opening carries no text of its caller's,
so each asks for a second more than the one before, and is known by that."""
_MARK: Final = re.compile(rb"\bn-\d+\b")
_SECONDS: Final = re.compile(rb"\bmax_t(?:tl|ime)\W+(\d+)")  # the platform has JSON inside JSON
_FAILURES: Final = (500, 502, 503, 504, 520, 521, 522, 524)


class Kind(StrEnum):
    """What is asked for; its mark is the kind and a number."""

    JOB = "n"
    SESSION = "s"


class Act(StrEnum):
    """What becomes of one request."""

    NOTHING = "nothing"
    CUT_CONNECTION = "reset before the request"
    CUT_REQUEST = "reset within the request"
    CUT_SENT = "reset after the request"
    CUT_DONE = "reset before the answer"
    CUT_ANSWER = "reset within the answer"
    FAIL_BEFORE = "5xx before processing"
    FAIL_AFTER = "5xx after processing"
    LATE_REQUEST = "request later than every timeout"
    LATE_ANSWER = "answer later than every timeout"
    TWICE = "request doubled"
    AGAIN_LATER = "a copy that later requests overtake"


BY_THE_SENDER: Final = tuple(
    act for act in Act if act not in {Act.NOTHING, Act.TWICE, Act.AGAIN_LATER}
)
"""Faults after which the sender alone could double a request."""
BY_THE_NETWORK: Final = (*BY_THE_SENDER, Act.TWICE, Act.AGAIN_LATER)
"""Those, and a network that repeats and reorders by itself."""


@frozen(kw_only=True)
class Draw:
    """What happens to one request.

    Attributes:
        act: What.
        status: The status of a failure.
        part: How much passes of what is cut, or the place in the span of a delay: 0 to 1.
        heard: Whether the server can still answer when the sender was cut off.
    """

    act: Act
    status: int
    part: float
    heard: bool


@frozen
class Weather:
    """Draws faults.

    What happens to the nth request for one submission or opening depends on nothing but the seed,
    so the order in which requests come does not matter, and a bad run can be had again.

    Attributes:
        seed: The seed.
        acts: The faults that there are, all as likely as each other.
        work: How likely a fault is for a submission or an opening, 0 to 1.
        others: How likely it is for any other request.
        seen: How many requests for each mark or path there were.
        met: How often each fault came to submissions and to openings.
    """

    seed: int
    acts: tuple[Act, ...]
    work: float = 0.5
    others: float = 0.15
    seen: Counter[str] = field(factory=Counter)
    met: Counter[tuple[Kind, Act]] = field(factory=Counter)

    def draw(self, method: str, path: str, body: bytes) -> Draw:
        """Return what happens to a request."""
        mark = mark_of(body) if method == "POST" else None
        label = f"{method} {path} {mark or ''}"
        self.seen[label] += 1
        dice = random.Random(f"{self.seed} {label} {self.seen[label]}")
        chance = self.work if mark else self.others
        act = dice.choice(self.acts) if dice.random() < chance else Act.NOTHING
        if mark:
            self.met[Kind(mark[0]), act] += 1
        return Draw(
            act=act,
            status=dice.choice(_FAILURES),
            part=dice.random(),
            heard=dice.random() < 0.5,
        )

    def table(self, kind: Kind) -> Mapping[str, int]:
        """Return how often each fault came to submissions or to openings."""
        return {act.value: self.met[kind, act] for act in Act if self.met[kind, act]}


def mark_of(body: bytes) -> str | None:
    """Return the mark of the submission or opening that a body asks for; None for another one."""
    if found := _MARK.search(body):
        return found[0].decode()
    if found := _SECONDS.search(body):
        return f"{Kind.SESSION}-{int(found[1]) - SHORTEST}"
    return None
