"""A whole quantum cloud as a pure event machine: no clock, no threads, no I/O, no randomness."""
