"""Properties of the pure mathematics, for any input."""
