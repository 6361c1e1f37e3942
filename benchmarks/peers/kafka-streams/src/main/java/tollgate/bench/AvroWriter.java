package tollgate.bench;

import java.util.Arrays;

/** Appends Avro primitives to a buffer that is used again for each record. */
final class AvroWriter {
    private byte[] data;
    private int length;

    AvroWriter(int capacity) {
        data = new byte[capacity];
    }

    AvroWriter clear() {
        length = 0;
        return this;
    }

    byte[] bytes() {
        return Arrays.copyOf(data, length);
    }

    void octet(int value) {
        ensure(1);
        data[length++] = (byte) value;
    }

    /** A zigzag variable-length integer. */
    void number(long value) {
        ensure(10);
        long zigzag = (value << 1) ^ (value >> 63);
        while ((zigzag & ~0x7FL) != 0) {
            data[length++] = (byte) ((zigzag & 0x7F) | 0x80);
            zigzag >>>= 7;
        }
        data[length++] = (byte) zigzag;
    }

    void raw(byte[] source, int from, int to) {
        int count = to - from;
        ensure(count);
        System.arraycopy(source, from, data, length, count);
        length += count;
    }

    void raw(byte[] source) {
        raw(source, 0, source.length);
    }

    /** A length and the bytes. */
    void sized(byte[] source) {
        number(source.length);
        raw(source);
    }

    /** A length and the bytes from {@code from} on. */
    void sized(byte[] source, int from) {
        number(source.length - from);
        raw(source, from, source.length);
    }

    private void ensure(int more) {
        if (length + more > data.length) {
            data = Arrays.copyOf(data, Math.max(data.length * 2, length + more));
        }
    }
}
