"""Live feeds on a simulated exchange."""
