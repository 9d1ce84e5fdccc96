"""A drill of the kill switch on the simulated exchange, with the roles as they trade."""
