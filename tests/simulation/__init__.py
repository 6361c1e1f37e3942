"""A deterministic simulation of transaction, store and recovery against a model of Kafka."""
