"""Markets that are made rather than recorded."""
