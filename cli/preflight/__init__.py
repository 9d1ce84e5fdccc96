"""What must hold before an account trades: looked at, told in a line each, and nothing changed."""
