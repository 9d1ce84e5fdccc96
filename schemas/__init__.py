"""The leaf: what travels between the parts, and what is configured."""
