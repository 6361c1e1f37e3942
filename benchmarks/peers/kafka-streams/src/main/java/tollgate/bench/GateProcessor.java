package tollgate.bench;

import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * A task: reads the rows an order needs, decides, writes rows and outputs. All rows lie in one store,
 * so that a commit has one changelog partition a task, not three.
 */
final class GateProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    static final String ROWS = "rows";
    static final String DECISIONS = "decisions";
    static final String AUDIT = "audit";

    private static final byte USER = 'U';
    private static final byte ORDER = 'O';
    private static final byte[] HEAD = {'H'};

    private final Settings settings;
    private final ProfileCore core;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> rows;
    private LaneHead head;

    GateProcessor(Settings settings) {
        this.settings = settings;
        this.core = new ProfileCore(settings);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        rows = context.getStateStore(ROWS);
        int partition = context.taskId().partition();
        String[] first = settings.text("first_sequences").split(",");
        head = new LaneHead(rows.get(HEAD), Long.parseLong(first[partition]));
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata source = context.recordMetadata().orElseThrow();
        byte[] key = record.key();
        Order order = new Order(record.value());
        byte[] userKey = rowKey(USER, key, order.value, 0, 0);
        byte[] orderKey = rowKey(ORDER, key, order.value, order.orderIdBegin, order.orderIdEnd);
        UserState user = core.userOf(key, rows.get(userKey));
        ProfileCore.Output output = core.decide(head, source.partition(), source.offset(),
            record.timestamp(), key, order, user, rows.get(orderKey));
        rows.put(userKey, output.userRow());
        if (output.orderRow() != null) {
            rows.put(orderKey, output.orderRow());
        }
        rows.put(HEAD, head.row());
        context.forward(record.withValue(output.decision()), DECISIONS);
        context.forward(record.withValue(output.audit()), AUDIT);
    }

    /** The kind, the user id, then a part of the record: of an order its id with its length. */
    private static byte[] rowKey(byte kind, byte[] user, byte[] value, int from, int to) {
        byte[] made = new byte[1 + user.length + to - from];
        made[0] = kind;
        System.arraycopy(user, 0, made, 1, user.length);
        System.arraycopy(value, from, made, 1 + user.length, to - from);
        return made;
    }
}
