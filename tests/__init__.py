"""Tests of every kind; see CONTRIBUTING.md."""
