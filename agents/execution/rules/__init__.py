"""Limits and protections, one rule a file: ``check(now)`` names the breach, or gives ``None``."""
