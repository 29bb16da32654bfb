"""Draws the lifecycle tables; the documentation's diagrams come from here."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

__all__ = ["mermaid", "rows"]

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def rows(
    transitions: Mapping[tuple[S, E], S],
) -> list[tuple[S, S, tuple[E, ...]]]:
    """Return the arrows: from, to, and the events that take them, in the table's order."""
    arrows: dict[tuple[S, S], list[E]] = {}
    for (state, event), following in transitions.items():
        arrows.setdefault((state, following), []).append(event)
    return [(source, target, tuple(events)) for (source, target), events in arrows.items()]


def mermaid(transitions: Mapping[tuple[S, E], S], *, first: S) -> str:
    """Return the table as the text of a Mermaid state diagram.

    A state with no way out to another one is final and gets the closing mark.
    """
    arrows = rows(transitions)
    left = {source for source, target, _ in arrows if source is not target}
    reached = {target for _, target, _ in arrows}
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    lines += [
        f"    {source} --> {target}: {', '.join(events)}" for source, target, events in arrows
    ]
    lines += [f"    {state} --> [*]" for state in type(first) if state in reached - left]
    return "\n".join(lines) + "\n"
