"""Transports around a transport: budgets, faults, slowness, recordings.

Each wraps any ``RuntimeTransport`` and is one itself, so they can be put around each other.
``TransportBase`` is what a transport of one's own may be built on.
"""

from .base import TransportBase, page_of_jobs
from .budget import Budget, BudgetTransport
from .delegation import COMMANDS, Call, TransportWrapper
from .faulty import Chance, Fault, FaultPlan, FaultyTransport, Loss, RandomFaults, ScriptedFaults
from .recording import RecordingTransport, ReplayTransport
from .slow import SlowTransport
from .tape import Tape, TapeEntry

__all__ = [
    "COMMANDS",
    "Budget",
    "BudgetTransport",
    "Call",
    "Chance",
    "Fault",
    "FaultPlan",
    "FaultyTransport",
    "Loss",
    "RandomFaults",
    "RecordingTransport",
    "ReplayTransport",
    "ScriptedFaults",
    "SlowTransport",
    "Tape",
    "TapeEntry",
    "TransportBase",
    "TransportWrapper",
    "page_of_jobs",
]
