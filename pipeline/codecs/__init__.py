"""Avro bytes <-> values, the wire frame and its ids, published versions, JSON renderings."""
