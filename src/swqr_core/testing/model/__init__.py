"""A second opinion: a quantum cloud as IBM's guides describe it, written down as simply as can be.

It is what a transport's snapshots are compared with, so it shares no code with what swqr itself is
made of: nothing of ``lifecycle`` and ``engine``, not even their words for states. Everything is
looked up by walking over all sessions and jobs, each time anew.

All times and durations are whole microseconds since the cloud's beginning.
"""

from .cloud import ModelCloud
from .things import ModelJob, ModelSession, Refused, Rules, microseconds

__all__ = ["ModelCloud", "ModelJob", "ModelSession", "Refused", "Rules", "microseconds"]
