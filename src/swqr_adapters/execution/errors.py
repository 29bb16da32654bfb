"""What a program raises to end its job with a known reason."""

__all__ = ["ProgramError"]


class ProgramError(Exception):
    """A program's job cannot go on; the job fails with this reason, code and solution.

    Not part of the caller's error tree: it never leaves the execution room. ``run_request`` turns
    it into an outcome with status ``FAILED``.

    Attributes:
        reason: What happened, one sentence for the job's owner (REST: ``state.reason``).
        code: A code of the public error registry, 1000 to 9999 (REST: ``state.reason_code``).
        solution: What to do about it (REST: ``state.reason_solution``), None if there is no advice.
    """

    def __init__(self, reason: str, code: int, solution: str | None = None) -> None:
        super().__init__(reason, code, solution)
        self.reason = reason
        self.code = code
        self.solution = solution

    def __str__(self) -> str:
        return f"Error code {self.code}; {self.reason}"
