"""Everything of swqr that touches the world."""


def load_ipython_extension(_: object) -> None:
    """Let the cells of a notebook use our transports (``%load_ext swqr_adapters``).

    ``qiskit_ibm_runtime`` and ``strangeworks_qiskit_runtime`` then have our services and sessions.
    """
    from swqr_adapters.facade.takeover import take_over

    take_over()
