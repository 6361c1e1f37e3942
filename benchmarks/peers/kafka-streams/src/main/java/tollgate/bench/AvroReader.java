package tollgate.bench;

/** A cursor over the bytes of one Avro record; strings are skipped and copied as they are. */
final class AvroReader {
    final byte[] data;
    int position;

    AvroReader(byte[] data, int position) {
        this.data = data;
        this.position = position;
    }

    /** A zigzag variable-length integer. */
    long number() {
        long accumulated = 0;
        int shift = 0;
        while (true) {
            byte octet = data[position++];
            accumulated |= (long) (octet & 0x7F) << shift;
            if (octet >= 0) {
                return (accumulated >>> 1) ^ -(accumulated & 1);
            }
            shift += 7;
        }
    }

    /** Step over a string; returns where it began, its length included. */
    int skipString() {
        int begin = position;
        int length = (int) number();
        position += length;
        return begin;
    }

    /** Step over a string that may be null; returns where its union began. */
    int skipOptionalString() {
        int begin = position;
        if (number() != 0) {
            skipString();
        }
        return begin;
    }

    /** The next bytes or string, copied. */
    byte[] sized() {
        int length = (int) number();
        byte[] copied = new byte[length];
        System.arraycopy(data, position, copied, 0, length);
        position += length;
        return copied;
    }
}
