"""A simulated world: many clients, a bad network, a platform, and hours that pass in seconds.

``python -m swqr_core.testing.simulation --seed N --hours H`` plays one such world. Everything that
happens follows from the seed: what clients do and when, what the network loses, delays, repeats
and lets overtake, how long jobs run and which fail. So a failure plays again from its seed, and
the fingerprint of two runs of a seed is the same.

The clients use ``AsyncRuntime`` over a bad network: the harness's own wire if it can break that
(control ``CONNECTION``), or else a ``FaultyTransport``. The platform is any ``Harness`` with the
controls ``TIME`` and ``EXECUTIONS`` whose time is a ``VirtualClock`` in its attribute ``clock``;
entry points of the group ``swqr.harnesses`` name some, the in-memory cloud among them.
"""

from .command import main
from .world import Outcome, Settings, cannot_be_simulated, simulate

__all__ = ["Outcome", "Settings", "cannot_be_simulated", "main", "simulate"]
