"""The use cases over any transport."""
