"""What transports to a platform behind HTTP have in common: waits, keys, credentials, settings."""
