"""Everything that decides: indicators, dimensions, confluence, execution and their runtime."""
