"""Between Kafka and the lanes: the Faust transport, the merge of inputs, the transaction."""
