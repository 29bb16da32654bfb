"""The programs that were uploaded: whose they are, who sees them, who may change them."""

from attrs import evolve, field, frozen

from swqr_core.errors import AccessDeniedError, ProgramNotFoundError
from swqr_core.model.ids import ProgramId
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.program import Program

from .facts import ProgramAdded, ProgramChanged, ProgramDeleted

__all__ = ["Library", "Shelved"]


@frozen
class Shelved:
    """A program with what its users do not see.

    Attributes:
        program: The program.
        owner: Who uploaded it, in which instance.
        source: The address of its source.
    """

    program: Program
    owner: Principal
    source: Payload = field(repr=False)

    def is_visible_to(self, principal: Principal) -> bool:
        """Return whether it exists, as far as that principal is told."""
        return self.program.spec.is_public or self.owner == principal


class Library:
    """All uploaded programs. A program belongs to one user in one instance."""

    def __init__(self) -> None:
        self._shelved: dict[str, Shelved] = {}

    def add(self, fact: ProgramAdded) -> None:
        """Take in a program."""
        self._shelved[fact.program_id] = Shelved(
            Program(
                id=fact.program_id,
                spec=fact.spec,
                created_at=fact.at,
                updated_at=fact.at,
                owner=fact.principal.user,
            ),
            fact.principal,
            fact.source,
        )

    def change(self, fact: ProgramChanged) -> None:
        """Let a program be another from now on."""
        before = self._shelved[fact.program_id]
        program = evolve(before.program, spec=fact.spec, updated_at=fact.at)
        self._shelved[fact.program_id] = Shelved(program, before.owner, fact.source)

    def remove(self, fact: ProgramDeleted) -> None:
        """Forget a program."""
        del self._shelved[fact.program_id]

    def put(self, shelved: Shelved) -> None:
        """Take in a program as it was at some moment."""
        self._shelved[shelved.program.id] = shelved

    def get(self, program_id: str) -> Shelved | None:
        """Return an uploaded program, whoever sees it."""
        return self._shelved.get(program_id)

    def find(self, principal: Principal, program_id: str) -> Shelved:
        """Return a program that the principal may run.

        Raises:
            ProgramNotFoundError: There is none of that id, or it is private to somebody else.
        """
        found = self._shelved.get(program_id)
        if found is None or not found.is_visible_to(principal):
            raise ProgramNotFoundError(program_id)
        return found

    def own(self, principal: Principal, program_id: str, action: str) -> Shelved:
        """Return a program of the principal's own.

        Raises:
            ProgramNotFoundError: There is none of that id, or it is private to somebody else.
            AccessDeniedError: It is somebody else's.
        """
        found = self.find(principal, program_id)
        if found.owner != principal:
            raise AccessDeniedError(
                f"{action} program {program_id!r}",
                "only the user who uploaded it may, in the same instance",
            )
        return found

    def visible(self, principal: Principal) -> list[Program]:
        """Return every program that the principal may run, in no order."""
        return [each.program for each in self._shelved.values() if each.is_visible_to(principal)]

    def owned(self, principal: Principal) -> int:
        """Return how many programs the principal has uploaded and not deleted."""
        return sum(each.owner == principal for each in self._shelved.values())

    def ids(self) -> tuple[ProgramId, ...]:
        """Return the id of every program, in the order of upload."""
        return tuple(each.program.id for each in self._shelved.values())

    def picture(self) -> dict[str, object]:
        """Return everything that is known of them, as plain values."""
        return dict(self._shelved)
