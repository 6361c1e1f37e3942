package tollgate.bench;

import java.nio.ByteBuffer;

/** What a lane keeps beside its users. */
final class LaneHead {
    private static final int HASH_BYTES = 32;

    long sequence;
    long gateTime;
    byte[] chain = new byte[HASH_BYTES];
    byte[] state = new byte[HASH_BYTES];

    LaneHead(byte[] stored, long firstSequence) {
        if (stored == null) {
            sequence = firstSequence;
            return;
        }
        ByteBuffer buffer = ByteBuffer.wrap(stored);
        sequence = buffer.getLong();
        gateTime = buffer.getLong();
        buffer.get(chain);
        buffer.get(state);
    }

    byte[] row() {
        return ByteBuffer.allocate(2 * Long.BYTES + 2 * HASH_BYTES)
            .putLong(sequence).putLong(gateTime).put(chain).put(state).array();
    }
}
