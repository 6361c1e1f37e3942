package tollgate.bench;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The Kafka Streams peer: {@code Peer SETTINGS_FILE}. Processor API, a RocksDB store with cache and
 * changelog, {@code exactly_once_v2}. Runs until SIGTERM.
 */
public final class Peer {
    private static final int STOPPED_BY_ERROR = 70;
    private static final Duration CLOSE_MAX = Duration.ofSeconds(30);

    private Peer() {}

    public static void main(String[] arguments) throws Exception {
        Settings settings = new Settings(Path.of(arguments[0]));
        KafkaStreams streams = new KafkaStreams(topology(settings), properties(settings));
        CountDownLatch failed = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            failed.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(CLOSE_MAX)));
        streams.start();
        failed.await();
        System.exit(STOPPED_BY_ERROR);
    }

    private static Topology topology(Settings settings) {
        ByteArraySerializer write = new ByteArraySerializer();
        ByteArrayDeserializer read = new ByteArrayDeserializer();
        return new Topology()
            .addSource("source", read, read, settings.text("orders"))
            .addProcessor("gate", () -> new GateProcessor(settings), "source")
            .addStateStore(store(GateProcessor.ROWS), "gate")
            .addSink(GateProcessor.DECISIONS, settings.text("decisions"), write, write, "gate")
            .addSink(GateProcessor.AUDIT, settings.text("audit"), write, write, "gate");
    }

    private static StoreBuilder<KeyValueStore<byte[], byte[]>> store(String name) {
        return Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(name), Serdes.ByteArray(), Serdes.ByteArray())
            .withCachingEnabled()
            .withLoggingEnabled(Map.of());
    }

    private static Properties properties(Settings settings) {
        Properties made = new Properties();
        made.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.text("app_id"));
        made.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, settings.text("bootstrap"));
        made.put(StreamsConfig.STATE_DIR_CONFIG, settings.text("state_dir"));
        made.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        made.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        made.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, settings.text("commit_interval_ms"));
        made.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, settings.text("threads"));
        made.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, settings.text("cache_bytes"));
        made.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        made.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG),
            settings.text("linger_ms"));
        made.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG),
            settings.text("batch_bytes"));
        made.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG),
            settings.text("compression"));
        return made;
    }
}
