"""A simulated exchange: the venues' own REST and WebSocket protocols, on loopback, with TLS."""
