"""The live feed: a venue's connections to frames, and what goes wrong on the way."""
