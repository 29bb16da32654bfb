"""The pure core of swqr: models, lifecycles, the engine, the ports and the use cases."""
