"""Everything that a cloud knows, as plain values: equal pictures mean equal clouds."""

from collections.abc import Iterable

from .cloud import Cloud
from .state import Account, LiveDevice, LiveJob, LiveSession

__all__ = ["picture"]


def picture(cloud: Cloud) -> dict[str, object]:
    """Return all that matters for what happens next, and nothing of how it is kept."""
    return {
        "now": cloud.now,
        "opened": cloud.opened,
        "accepted": cloud.accepted,
        "devices": {device.device.name: _device(device) for device in cloud.devices.values()},
        "accounts": {account.id: _account(account) for account in cloud.accounts.values()},
        "sessions": {session.id: _session(session) for session in cloud.sessions.values()},
        "closed": dict(cloud.closed),
        "jobs": {job.id: _job(job) for job in cloud.jobs.values()},
        "ended": dict(cloud.ended),
        "running": sorted(cloud.running),
        "programs": cloud.library.picture(),
        "deadlines": [(at, kind.name, number) for at, kind, number in cloud.deadlines],
    }


def _ids(jobs: Iterable[LiveJob]) -> list[str]:
    return [job.id for job in jobs]


def _device(device: LiveDevice) -> dict[str, object]:
    held = [
        (head.seq, session.id)
        for line in device.lines.values()
        for session in line.account.held_batches.values()
        if session.device is device and session.active and (head := session.head()) is not None
    ]
    batches = {(seq, session.id) for seq, _, session in device.batches}
    return {
        "status": (device.status, device.reason),
        "running": device.running,
        "holder": None if device.holder is None else device.holder.id,
        "batches": sorted(batches.union(held)),
        "lines": {
            line.account.id: _ids(job for _, job in line.candidates)
            for line in device.lines.values()
            if line.head() is not None
        },
    }


def _account(account: Account) -> dict[str, object]:
    return {
        "number": account.number,
        "accepted": account.accepted,
        "running": account.running,
        "queued": _ids(account.queued[seq] for seq in sorted(account.queued)),
        "waiting": {number: many for number, many in sorted(account.waiting.items()) if many},
        "started": sorted(account.started),
        "used": account.usage.used,
        "usage": list(account.usage.parts),
        "job_keys": dict(account.job_keys),
        "session_keys": dict(account.session_keys),
        "program_keys": dict(account.program_keys),
    }


def _session(session: LiveSession) -> dict[str, object]:
    return {
        "number": session.number,
        "spec": session.spec,
        "state": session.state,
        "active": session.active,
        "active_left": session.active_left,
        "queue": _ids(session.queued_jobs()),
        "queued": session.queued,
        "running": session.running,
        "started_at": session.started_at,
        "activated_at": session.activated_at,
        "charged_from": session.charged_from,
        "busy_since": session.busy_since,
        "busy": session.busy,
        "used": session.used,
    }


def _job(job: LiveJob) -> dict[str, object]:
    return {
        "seq": job.seq,
        "state": job.state,
        "session": None if job.session is None else job.session.id,
        "started_at": job.started_at,
        "outcome": job.outcome,
    }
