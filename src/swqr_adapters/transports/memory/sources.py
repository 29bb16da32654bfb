"""How long the sources of programs are kept: while a program or a pending job has them."""

from collections import Counter
from collections.abc import Callable

from swqr_core.engine.facts import (
    Fact,
    JobEnded,
    JobPinned,
    ProgramAdded,
    ProgramChanged,
    ProgramDeleted,
)
from swqr_core.engine.view import View

__all__ = ["Sources"]


class Sources:
    """Counts who needs a source, and lets go of it when nobody does.

    A source was put into the blob store once for each program that brought it. One of these puts
    is kept for all programs and jobs that need the same source, the others are undone.

    Args:
        view: The cloud as it was before each fact.
        release: Undoes one put of a blob.
    """

    def __init__(self, view: View, release: Callable[[str], None]) -> None:
        self._view = view
        self._release = release
        self._needed: Counter[str] = Counter()

    def restore(self) -> list[str]:
        """Count anew who needs a source now; return the digests of all that are needed."""
        library = self._view.library
        shelved = [each for id in library.ids() if (each := library.get(id)) is not None]
        self._needed = Counter(each.source.digest for each in shelved)
        self._needed.update(each.source.digest for each in self._view.all_pinned())
        return list(self._needed)

    def see(self, fact: Fact) -> None:
        """Take in a fact, before the view does."""
        match fact:
            case ProgramAdded():
                self._put(fact.source.digest)
            case ProgramChanged():
                before = self._view.library.get(fact.program_id)
                if before is not None and before.source != fact.source:
                    self._put(fact.source.digest)
                    self._drop(before.source.digest)
            case ProgramDeleted():
                before = self._view.library.get(fact.program_id)
                if before is not None:
                    self._drop(before.source.digest)
            case JobPinned():
                self._needed[fact.source.digest] += 1
            case JobEnded():
                pinned = self._view.pinned(fact.job_id)
                if pinned is not None:
                    self._drop(pinned.source.digest)
            case _:
                pass

    def _put(self, digest: str) -> None:
        if self._needed[digest]:
            self._release(digest)
        self._needed[digest] += 1

    def _drop(self, digest: str) -> None:
        self._needed[digest] -= 1
        if not self._needed[digest]:
            del self._needed[digest]
            self._release(digest)
