"""What dimensions say in words: one file per dimension, found by scanning this folder."""
