package tollgate.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/** What the harness tells a peer, from a file of name=value lines. */
final class Settings {
    /** An account as it starts. */
    record Known(byte[] tenantId, byte[] tierId, long cashMinor) {}

    /** What holds for the users of a tier. */
    record Tier(long rateMax, long positionLotsMax, long limitVersion, long feePerLotMinor) {}

    /** A reason as a decision states it: code, text and FIX code, encoded; the code as a string. */
    record Reason(byte[] code, byte[] stated) {}

    private final Map<String, String> values = new HashMap<>();
    final Map<String, Known> accounts = new HashMap<>();
    final Map<String, Tier> tiers = new HashMap<>();

    Settings(Path file) throws IOException {
        for (String line : Files.readAllLines(file)) {
            int equals = line.indexOf('=');
            if (equals > 0) {
                values.put(line.substring(0, equals), line.substring(equals + 1));
            }
        }
        for (String line : Files.readAllLines(Path.of(text("accounts")))) {
            String[] parts = line.split(",");
            Known known = new Known(
                parts[1].getBytes(UTF_8), parts[2].getBytes(UTF_8), Long.parseLong(parts[3]));
            accounts.put(parts[0], known);
            tiers.computeIfAbsent(parts[2], this::tier);
        }
    }

    String text(String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no setting " + name);
        }
        return value;
    }

    long number(String name) {
        return Long.parseLong(text(name));
    }

    byte[] hex(String name) {
        return HexFormat.of().parseHex(text(name));
    }

    Reason reason(String code) {
        AvroWriter writer = new AvroWriter(128);
        writer.sized(code.getBytes(UTF_8));
        writer.sized(text("text." + code).getBytes(UTF_8));
        String fix = text("fix." + code);
        if (fix.isEmpty()) {
            writer.number(0);
        } else {
            writer.number(1);
            writer.number(Long.parseLong(fix));
        }
        return new Reason(code.getBytes(UTF_8), writer.bytes());
    }

    private Tier tier(String id) {
        String prefix = "tier." + id + ".";
        return new Tier(
            number(prefix + "order_rate_per_s_max"), number(prefix + "position_lots_max"),
            number(prefix + "limit_version"), number(prefix + "fee_per_lot_minor_max"));
    }
}
