"""The portfolio: statistics of what an account has earned and of what it holds."""
