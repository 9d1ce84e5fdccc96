"""Durable records in PostgreSQL or SQLite, behind the protocol of ``schemas/ledger_store.py``."""
