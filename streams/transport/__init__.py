"""Where the bytes lie: one log interface, the embedded broker behind it, and Apache Kafka."""
