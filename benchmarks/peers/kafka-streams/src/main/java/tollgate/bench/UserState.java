package tollgate.bench;

/** A user's money, position and rate: row_user, row_balance and row_position, one after another. */
final class UserState {
    static final int BUCKETS = 9;
    private static final long BUCKET_US = 125_000;

    final byte[] tenantId;
    final byte[] tierId;
    private final byte[] currency;
    long ordersCount;
    long messagesCount;
    long openOrdersCount;
    private long rateBucket;
    private final int[] rateCounts = new int[BUCKETS];
    long cashMinor;
    long heldMinor;
    private long depositedMinor;
    long positionLots;
    long workingBuyLots;
    long workingSellLots;
    long marginMinor;

    /** A user who has sent nothing yet. */
    UserState(Settings.Known known, byte[] currency) {
        tenantId = known.tenantId();
        tierId = known.tierId();
        this.currency = currency;
        cashMinor = known.cashMinor();
        depositedMinor = cashMinor;
    }

    UserState(byte[] stored) {
        AvroReader reader = new AvroReader(stored, 1);
        tenantId = reader.sized();
        tierId = reader.sized();
        reader.number(); // trading_state
        reader.number(); // version
        ordersCount = reader.number();
        messagesCount = reader.number();
        openOrdersCount = reader.number();
        reader.number(); // deficit_count
        rateBucket = reader.number();
        reader.number(); // how many counts follow
        for (int index = 0; index < BUCKETS; index++) {
            rateCounts[index] = (int) reader.number();
        }
        reader.number(); // the end of the counts
        for (int index = 0; index < 6; index++) {
            reader.number(); // activity_day to message_bucket
        }
        for (int index = 0; index < BUCKETS + 2; index++) {
            reader.number(); // message_counts: how many, they, and their end
        }
        reader.number(); // latched
        reader.number(); // halted_by
        cashMinor = reader.number();
        heldMinor = reader.number();
        depositedMinor = reader.number();
        for (int index = 0; index < 8; index++) {
            reader.number(); // withdrawn_minor to pledged_minor: nothing, covered by nothing
        }
        positionLots = reader.number();
        workingBuyLots = reader.number();
        workingSellLots = reader.number();
        marginMinor = reader.number();
        currency = reader.sized();
    }

    byte[] row(AvroWriter writer) {
        writer.clear();
        writer.octet(1); // registered
        writer.sized(tenantId);
        writer.sized(tierId);
        writer.number(0); // ACTIVE
        writer.number(1);
        writer.number(ordersCount);
        writer.number(messagesCount);
        writer.number(openOrdersCount);
        writer.number(0);
        writer.number(rateBucket);
        writer.number(BUCKETS);
        for (int count : rateCounts) {
            writer.number(count);
        }
        writer.number(0);
        writer.number(-1); // activity_day: what the profile does not check is not counted
        for (int index = 0; index < 5; index++) {
            writer.number(0);
        }
        writer.number(BUCKETS);
        for (int index = 0; index < BUCKETS; index++) {
            writer.number(0);
        }
        writer.number(0); // the end of message_counts
        writer.number(0); // latched
        writer.number(0); // halted_by
        writer.number(cashMinor);
        writer.number(heldMinor);
        writer.number(depositedMinor);
        for (int index = 0; index < 8; index++) {
            writer.number(0);
        }
        writer.number(positionLots);
        writer.number(workingBuyLots);
        writer.number(workingSellLots);
        writer.number(marginMinor);
        writer.sized(currency);
        writer.number(0); // open_cost_e9
        writer.number(0); // settled_on
        return writer.bytes();
    }

    /** Accepted orders in the bucket of {@code gateTime} and the eight before it. */
    long inWindow(long gateTime) {
        long gone = gateTime / BUCKET_US - rateBucket;
        long total = 0;
        for (int index = 0; index < BUCKETS - gone; index++) {
            total += rateCounts[index];
        }
        return total;
    }

    void countAccepted(long gateTime) {
        long bucket = gateTime / BUCKET_US;
        int gone = (int) Math.min(bucket - rateBucket, BUCKETS);
        if (gone > 0) {
            System.arraycopy(rateCounts, 0, rateCounts, gone, BUCKETS - gone);
            java.util.Arrays.fill(rateCounts, 0, gone, 0);
            rateBucket = bucket;
        }
        rateCounts[0]++;
    }
}
