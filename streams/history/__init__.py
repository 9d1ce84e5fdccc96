"""History from files: bars and timestamped values, one format per file, and what they give."""
