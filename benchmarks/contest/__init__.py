"""`make bench`: the worker against Kafka Streams, Quix Streams and stock Faust at the same work."""
