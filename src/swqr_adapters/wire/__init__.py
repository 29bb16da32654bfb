"""Each provider's JSON, one module per provider."""
