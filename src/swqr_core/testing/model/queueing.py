"""Which job starts next on a backend."""

from collections.abc import Mapping, Sequence

from .things import ModelJob, ModelSession, Rules

__all__ = ["next_job"]


def next_job(
    jobs: Sequence[ModelJob],
    sessions: Sequence[ModelSession],
    rules: Rules,
    used: Mapping[str, int],
) -> ModelJob | None:
    """Return the job that starts there now, if one does: the queueing rules.

    An active dedicated session has the backend to itself, and keeps it until its last running
    job has ended. Otherwise active batches come before the normal queue, one at a time; the
    one whose queued job is the oldest waits for the backend to be empty, and nobody passes.
    In the normal queue comes first who has used least; then, who came first. A session's
    first job needs the backend empty.

    Args:
        jobs: All jobs on that backend, in the order of acceptance.
        sessions: All sessions and batches on it.
        rules: What the platform is like.
        used: What each instance was charged.
    """
    running = [job for job in jobs if job.state == "running"]
    queued = [job for job in jobs if job.state == "queued"]
    for session in sessions:
        holds = session.active or any(job.session is session for job in running)
        if session.dedicated and holds:
            full = len(running) >= rules.session_lanes
            return None if full or not session.active else _head(session, queued)
    heads = [head for s in sessions if s.active and (head := _head(s, queued)) is not None]
    if heads:
        first = min(heads, key=lambda job: job.number)
        alone = all(job.session is first.session for job in running)
        return first if alone and len(running) < rules.session_lanes else None
    if any(job.session is not None for job in running):
        return None
    waiting = [job for job in queued if job.session is None or job is _head(job.session, queued)]
    if not waiting or len(running) >= rules.plain_lanes:
        return None
    first = min(waiting, key=lambda job: (used.get(job.instance, 0), job.number))
    return None if first.session is not None and running else first


def _head(session: ModelSession, queued: Sequence[ModelJob]) -> ModelJob | None:
    """Return the session's first queued job."""
    return next((job for job in queued if job.session is session), None)
