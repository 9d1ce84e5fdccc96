"""Where records end up: files today, stores of their own later, one sink per file."""
