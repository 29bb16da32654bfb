"""Everything of swqr that touches the world."""
