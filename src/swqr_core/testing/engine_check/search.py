"""Every history of the engine, up to a bound."""

from attrs import frozen

from swqr_core.errors import InvalidInputError
from swqr_core.testing.assertions import need_assertions

from .states import Packed, essence, pack, unpack
from .steps import steps
from .world import World, begin, must_refuse, take

__all__ = ["Found", "check_engine"]


@frozen(kw_only=True)
class Found:
    """What a search through the histories of the engine has met.

    Attributes:
        bound: The most inputs in a history.
        states: How many different states were visited.
        inputs: How many inputs were tried, refused ones among them.
        refused: How many of them were refused, and left no trace.
        complete: Whether no history leads to any further state, however long it is.
    """

    bound: int
    states: int
    inputs: int
    refused: int
    complete: bool


def check_engine(bound: int, *, sessions: int = 2, jobs: int = 3) -> Found:
    """Try every history of at most *bound* inputs on one backend.

    Args:
        bound: The most inputs in a history.
        sessions: The most sessions in a history; each may be a dedicated one or a batch.
        jobs: The most jobs in a history.

    Raises:
        AssertionError: The engine and the model disagree, a refused input has left a trace, or
            what was closed or had ended has changed; the message tells the history.
        ConfigurationError: Assertions are left out here.
        InvalidInputError: *bound* is less than 1: nothing would be tried.
    """
    need_assertions()
    if bound < 1:
        raise InvalidInputError("bound", f"must be 1 or more, not {bound}")
    first = begin()
    seen = {essence(first.engine, first.at)}
    frontier = [pack(first)]
    inputs = refused = 0
    for _ in range(bound):
        following: list[Packed] = []
        for packed in frontier:
            here: World = unpack(packed)
            for step in list(steps(here, sessions, jobs)):
                inputs += 1
                if step.tell is None:
                    must_refuse(here, step)
                    refused += 1
                    continue
                world: World = unpack(packed)
                take(world, step)
                found = essence(world.engine, world.at)
                if found not in seen:
                    seen.add(found)
                    following.append(pack(world))
        frontier = following
        if not frontier:
            break
    return Found(
        bound=bound, states=len(seen), inputs=inputs, refused=refused, complete=not frontier
    )
