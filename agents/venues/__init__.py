"""Where orders go: the paper venue, and real ones."""
