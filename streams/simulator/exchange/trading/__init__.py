"""The order side of a simulated venue, before any wire protocol: accounts, orders, matching."""
