"""Signals to positions: sizing, the ledger, the account."""
