"""The position monitor: judges open positions again, and acts as far as it may."""
