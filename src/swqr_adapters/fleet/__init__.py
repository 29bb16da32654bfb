"""The devices of the in-memory cloud: snapshots of real ones, and ideal simulators of any size.

The snapshots are the JSON files that qiskit-ibm-runtime ships. They are found and read without
importing that package, and listing them parses none of them.
"""

from .entry import DeviceEntry
from .fleet import Fleet
from .snapshots import Snapshot, find_snapshots

__all__ = ["DeviceEntry", "Fleet", "Snapshot", "find_snapshots"]
