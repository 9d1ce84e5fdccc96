"""Measurements of the hot paths: ``python -m tests.bench`` runs them all."""
