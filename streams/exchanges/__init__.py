"""One venue per file: wire messages to events."""
