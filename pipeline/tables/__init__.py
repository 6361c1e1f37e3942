"""State of the lanes: RocksDB behind Faust tables, never ahead of Kafka, rebuilt in bulk."""
