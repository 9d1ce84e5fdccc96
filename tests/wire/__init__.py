"""Wire messages of real venues."""
