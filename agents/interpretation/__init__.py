"""What a score means: the rows of its breakdown, and sentences."""
