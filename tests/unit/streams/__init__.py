"""Wire to frames, one module at a time."""
