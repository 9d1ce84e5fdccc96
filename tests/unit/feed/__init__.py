"""Parts of a live feed, without a network."""
