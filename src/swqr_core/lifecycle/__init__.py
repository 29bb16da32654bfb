"""What may happen to a session and to a job: states, events and one table each.

Use ``swqr_core.lifecycle.session`` and ``swqr_core.lifecycle.job``; the diagrams of both come
from ``swqr_core.lifecycle.diagram``.
"""
