"""Real recordings against values that were computed without this code."""
