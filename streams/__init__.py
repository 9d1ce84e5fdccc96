"""Everything that moves bytes: venue feeds, recordings, transports, replay and sinks."""
