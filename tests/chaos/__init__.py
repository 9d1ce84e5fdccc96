"""Kills, restarts and rebalances: the outputs must be those of an undisturbed run."""
