"""Pictures of a session's life, as SVG."""

from .drawing import draw_timeline

__all__ = ["draw_timeline"]
