"""The picture of a session's life, as a value."""

from attrs import field, frozen

from .job import Job
from .session import Session

__all__ = ["Timeline"]


@frozen
class Timeline:
    """A session's life as it was at one moment; a notebook shows it by itself.

    Attributes:
        session: The session.
        jobs: Its jobs, the oldest first.
        svg: The picture: an SVG document without scripts, for light and for dark pages.
    """

    session: Session = field(repr=False)
    jobs: tuple[Job, ...] = field(repr=False)
    svg: str = field(repr=False)

    def __repr__(self) -> str:
        return f"<Timeline of {self.session.id}, {len(self.jobs)} jobs>"

    def _repr_svg_(self) -> str:
        return self.svg
