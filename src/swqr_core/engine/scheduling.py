"""Who is next on a device: the queueing rules, as small functions over one device's queues.

One workload runs on a device at a time: plain jobs side by side, or the jobs of one batch, or one
dedicated session. A session that is not active competes in the normal queue with its first job;
once active, it comes before the normal queue.
"""

import heapq

from swqr_core.model.backend import BackendStatus

from .state import Account, Line, LiveDevice, LiveJob, LiveSession

__all__ = ["next_job", "offer", "refresh"]


def next_job(device: LiveDevice) -> LiveJob | None:
    """Return the job that starts now, or None if none may.

    Order is strict: when the first in line needs the device empty, it waits for that and nobody
    overtakes, so a stream of small jobs cannot starve a session.
    """
    if device.status is not BackendStatus.ONLINE:
        return None
    holder = device.holder
    if holder is not None and holder.dedicated:
        return _next_of(holder) if holder.active and not holder.account.held else None
    batch = _first_batch(device)
    if batch is not None:
        return _next_of(batch) if _is_free(device) or holder is batch else None
    if holder is not None or device.running >= device.device.concurrent_jobs:
        return None
    job = _first_in_line(device)
    if job is None or (job.session is not None and device.running):
        return None
    return job


def offer(job: LiveJob) -> None:
    """Let a job compete that has just become a plain job in the queue or its session's first."""
    device, session = job.device, job.session
    if session is not None and session.active:
        if not session.dedicated:
            device.batches.push((job.seq, session.number, session))
        return
    account = job.account
    line = device.lines.get(account.number)
    if line is None:
        line = device.lines[account.number] = account.lines[device.number] = Line(account)
    line.candidates.push((job.seq, job))
    if line.head() is job:
        _push_share(device, line, job)


def refresh(account: Account) -> None:
    """Let an instance compete with its present share, after that has become smaller."""
    for session in account.held_batches.values():
        head = session.head()
        if head is not None:
            offer(head)
    account.held_batches.clear()
    for line in account.lines.values():
        head = line.head()
        if head is not None:
            _push_share(head.device, line, head)


def _is_free(device: LiveDevice) -> bool:
    return device.holder is None and not device.running


def _next_of(session: LiveSession) -> LiveJob | None:
    device = session.device
    return session.head() if device.running < device.device.session_lanes else None


def _first_batch(device: LiveDevice) -> LiveSession | None:
    """Return the active batch whose first queued job is the oldest."""
    while (entry := device.batches.first()) is not None:
        session = entry[2]
        if not session.account.held:
            return session
        session.account.held_batches[session.number] = session
        device.batches.drop_first()
    return None


def _first_in_line(device: LiveDevice) -> LiveJob | None:
    """Return the oldest candidate of the instance that has used least of its share.

    Shares grow without telling the heap: an entry that turns out too low goes back with the true
    share. Shares that shrink are pushed by ``refresh``.
    """
    shares = device.shares
    while shares:
        entry = shares[0]
        line = device.lines[entry[2]]
        if line.entry != entry:  # a better one took its place
            heapq.heappop(shares)
            continue
        head = line.head()
        if head is None or line.account.held:
            heapq.heappop(shares)
            line.entry = None
            continue
        true = line.account.share, head.seq, line.account.number
        if entry == true:
            return head
        line.entry = true
        heapq.heapreplace(shares, true)
    return None


def _push_share(device: LiveDevice, line: Line, head: LiveJob) -> None:
    entry = line.account.share, head.seq, line.account.number
    if line.entry is not None and line.entry <= entry:
        return
    line.entry = entry
    if len(device.shares) > 2 * len(device.lines) + 32:
        device.shares = [line.entry for line in device.lines.values() if line.entry is not None]
        heapq.heapify(device.shares)
    else:
        heapq.heappush(device.shares, entry)
