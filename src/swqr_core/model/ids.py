"""Ids and names, each its own type. Apart from their type they are text that nobody parses."""

from typing import NewType

__all__ = ["BackendName", "InstanceId", "JobId", "ProgramId", "SessionId"]

BackendName = NewType("BackendName", str)
"""For example ``ibm_brisbane``."""

InstanceId = NewType("InstanceId", str)
"""The instance's CRN, or whatever the platform uses in its place."""

JobId = NewType("JobId", str)
"""The platform's id of a job, opaque."""

ProgramId = NewType("ProgramId", str)
"""For example ``sampler``."""

SessionId = NewType("SessionId", str)
"""The platform's id of a session or batch, opaque."""
