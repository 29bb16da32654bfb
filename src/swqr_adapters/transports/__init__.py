"""The transports: ways to a quantum platform."""
