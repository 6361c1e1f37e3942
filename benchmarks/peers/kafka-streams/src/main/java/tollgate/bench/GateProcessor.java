package tollgate.bench;

import java.util.Arrays;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/** A task: reads the rows an order needs, decides, writes rows and outputs. */
final class GateProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    static final String USERS = "users";
    static final String ORDERS = "orders";
    static final String LANE = "lane";
    static final String DECISIONS = "decisions";
    static final String AUDIT = "audit";

    private static final byte[] HEAD = {'H'};

    private final Settings settings;
    private final ProfileCore core;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> users;
    private KeyValueStore<byte[], byte[]> orders;
    private KeyValueStore<byte[], byte[]> lane;
    private LaneHead head;

    GateProcessor(Settings settings) {
        this.settings = settings;
        this.core = new ProfileCore(settings);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        users = context.getStateStore(USERS);
        orders = context.getStateStore(ORDERS);
        lane = context.getStateStore(LANE);
        int partition = context.taskId().partition();
        String[] first = settings.text("first_sequences").split(",");
        head = new LaneHead(lane.get(HEAD), Long.parseLong(first[partition]));
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata source = context.recordMetadata().orElseThrow();
        byte[] key = record.key();
        Order order = new Order(record.value());
        byte[] orderKey = orderKey(key, order);
        UserState user = core.userOf(key, users.get(key));
        ProfileCore.Output output = core.decide(head, source.partition(), source.offset(),
            record.timestamp(), key, order, user, orders.get(orderKey));
        users.put(key, output.userRow());
        if (output.orderRow() != null) {
            orders.put(orderKey, output.orderRow());
        }
        lane.put(HEAD, head.row());
        context.forward(record.withValue(output.decision()), DECISIONS);
        context.forward(record.withValue(output.audit()), AUDIT);
    }

    /** The user id, then the order id with its length. */
    private static byte[] orderKey(byte[] key, Order order) {
        int length = order.orderIdEnd - order.orderIdBegin;
        byte[] made = Arrays.copyOf(key, key.length + length);
        System.arraycopy(order.value, order.orderIdBegin, made, key.length, length);
        return made;
    }
}
