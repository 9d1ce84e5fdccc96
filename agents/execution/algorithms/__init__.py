"""Execution algorithms, one file each: what should be done of a parent by now, and how."""
