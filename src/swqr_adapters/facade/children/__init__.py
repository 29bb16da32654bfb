"""The folder that stands first in the ``PYTHONPATH`` of processes that are taken over."""
