"""The ports: what the core asks of the outside world, with the contract in their docstrings."""
