"""Bytes in, bytes out: jobs decoded, checked, simulated and encoded.

One module per program id is in ``programs``. What simulates, from the outside in: ``sampling`` and
``expectation`` take a circuit and a ``device``; they read it as ``steps``, cut it into independent
``parts``, and give single qubits to ``lone`` and the others to ``aer``, each with its own share of
the device's ``noise``. Nothing here is imported before a job needs it.
"""
