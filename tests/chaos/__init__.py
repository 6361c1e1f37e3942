"""The fault harness: real workers on a real Kafka, killed, stopped and cut off, then judged."""
