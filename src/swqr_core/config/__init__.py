"""From configuration to a transport."""
