"""One module at a time, no network and no process."""
