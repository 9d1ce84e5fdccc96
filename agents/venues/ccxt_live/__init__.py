"""Real venues by way of ccxt: requests go out, reports come back. Not pure, and decides nothing."""
