"""Market overview: symbols ranked beside one another, and one asset across its venues."""
