package tollgate.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The core of docs/bench-profile.md: one order, bytes in, bytes out. One instance a task, so that its
 * buffers and digests are used by one thread.
 */
final class ProfileCore {
    /** What an order came to; {@code orderRow} is null where the id's row stays as it is. */
    record Output(byte[] decision, byte[] audit, byte[] userRow, byte[] orderRow) {}

    private static final int PASS = 0;
    private static final int FAIL = 1;
    private static final int EXEMPT = 3;
    private static final byte ORDER_ROW = 'O';
    private static final byte DECISION_ROW = 'D';
    private static final long DAY_US = 86_400_000_000L;

    private final Settings settings;
    private final byte[] topic;
    private final byte[] currency;
    private final byte[] decisionFrame;
    private final byte[] auditFrame;
    private final long controlNumber;
    private final long coreVersion;
    private final long marginPerLot;
    private final long ageUsMax;
    private final long policyVersion;
    private final long holdingsMax;
    private final Settings.Reason accepted;
    private final Settings.Reason duplicate;
    private final Check eventTime = new Check("EVENT_TIME", false);
    private final Check rate;
    private final Check position;
    private final Check funds;
    /** The checks that the profile only states: before each that it evaluates, and after the last. */
    private final byte[][] stated;
    private final int vectorLength;
    private final byte[] identityFailed;

    private final MessageDigest digest = sha256();
    private final AvroWriter writer = new AvroWriter(2048);
    private final AvroWriter vector = new AvroWriter(1024);

    /** A check that compares figures: its name encoded, and its reason, which has the same name. */
    private final class Check {
        final byte[] name;
        final Settings.Reason reason;

        Check(String name, boolean rejects) {
            this.name = sized(name);
            this.reason = rejects ? settings(name) : null;
        }

        /** Appends the result; returns whether it passed. */
        boolean compare(long observed, long limit, long version) {
            boolean passes = observed <= limit;
            vector.raw(name);
            vector.number(passes ? PASS : FAIL);
            if (passes) {
                vector.number(0);
            } else {
                vector.number(1);
                vector.raw(name);
            }
            vector.number(1);
            vector.number(observed);
            vector.number(1);
            vector.number(limit);
            if (version < 0) {
                vector.number(0);
            } else {
                vector.number(1);
                vector.number(version);
            }
            vector.number(1);
            vector.number(limit - observed);
            return passes;
        }
    }

    ProfileCore(Settings settings) {
        this.settings = settings;
        topic = sized(settings.text("orders"));
        currency = settings.text("currency").getBytes(UTF_8);
        decisionFrame = settings.hex("decision_frame");
        auditFrame = settings.hex("audit_frame");
        controlNumber = settings.number("control_number");
        coreVersion = settings.number("core_version");
        marginPerLot = settings.number("margin_minor_per_lot");
        ageUsMax = settings.number("order_age_ms_max") * 1000;
        policyVersion = settings.number("policy_version");
        holdingsMax = settings.number("holdings_max");
        accepted = settings.reason("ACCEPTED");
        duplicate = settings.reason("DUPLICATE_ID");
        rate = new Check("ORDER_RATE", true);
        position = new Check("POSITION_LIMIT", true);
        funds = new Check("BUYING_POWER", true);
        Set<String> exempt = Set.of(settings.text("exempt").split(","));
        String[] names = settings.text("checks").split(",");
        vectorLength = names.length;
        stated = stated(names, exempt,
            List.of("EVENT_TIME", "ORDER_RATE", "POSITION_LIMIT", "BUYING_POWER"));
        identityFailed = identityFailed();
    }

    /** The user id of an order's key is the key of its row. */
    UserState userOf(byte[] key, byte[] stored) {
        if (stored != null) {
            return new UserState(stored);
        }
        Settings.Known known = settings.accounts.get(new String(key, UTF_8));
        if (known == null) {
            throw new OutsideProfile("an order of a user who is not registered");
        }
        return new UserState(known, currency);
    }

    /** The answer to an order, given the row of its id; {@code head} and {@code user} move on. */
    Output decide(LaneHead head, int lane, long offset, long timeMs, byte[] key, Order order,
                  UserState user, byte[] orderRow) {
        head.sequence++;
        head.gateTime = Math.max(head.gateTime, timeMs * 1000);
        byte[] value = order.value;
        digest.update(value, Order.FRAME_BYTES, value.length - Order.FRAME_BYTES);
        byte[] contentHash = digest.digest();
        user.messagesCount++;
        Settings.Reason reason;
        long duplicateOf = -1;
        long hold = 0;
        long passingLots = -1;
        byte[] stored = null;
        int checks = 0;
        vector.clear();
        if (orderRow != null) {
            Remembered first = remembered(orderRow);
            if (Arrays.equals(first.contentHash, contentHash)) {
                reason = first.reason;
                duplicateOf = first.sequence;
            } else {
                reason = duplicate;
                vector.raw(identityFailed);
                checks = 1;
            }
        } else {
            Settings.Tier tier = settings.tiers.get(new String(user.tierId, UTF_8));
            Asked asked = asked(user, tier, order.side, order.quantityLots);
            reason = check(user, tier, order, head.gateTime, asked);
            checks = vectorLength;
            user.ordersCount++;
            if (reason == accepted) {
                hold = asked.hold;
                stored = place(head, user, tier, order, hold, contentHash);
            } else {
                stored = refused(head, order, reason, contentHash);
                passingLots = reason == rate.reason ? 0 : passingLots(user, tier, order);
            }
        }
        byte[] decision = decision(head, lane, offset, order, reason, duplicateOf, hold, checks,
            passingLots);
        byte[] userRow = user.row(writer);
        digest.update(head.state);
        digest.update(key);
        digest.update(userRow);
        if (stored != null) {
            digest.update(value, order.orderIdBegin, order.orderIdEnd - order.orderIdBegin);
            digest.update(stored);
        }
        head.state = digest.digest();
        byte[] audit = audit(head, lane, offset, timeMs, key, value, reason, decision);
        return new Output(decision, audit, userRow, stored);
    }

    /** What so many lots would make of the position, and what they would add to held. */
    private record Asked(long exposure, long hold) {}

    private Asked asked(UserState user, Settings.Tier tier, long side, long lots) {
        long bought = user.positionLots + user.workingBuyLots;
        long sold = user.positionLots - user.workingSellLots;
        long exposure;
        if (side == Order.BUY) {
            bought += lots;
            exposure = Math.abs(bought);
        } else {
            sold -= lots;
            exposure = Math.abs(sold);
        }
        long margin = marginPerLot * Math.max(Math.abs(bought), Math.abs(sold));
        return new Asked(exposure, lots * tier.feePerLotMinor() + margin - user.marginMinor);
    }

    private Settings.Reason check(UserState user, Settings.Tier tier, Order order, long gateTime,
                                  Asked asked) {
        vector.raw(stated[0]);
        if (!eventTime.compare(gateTime - order.eventTime, ageUsMax, policyVersion)) {
            throw new OutsideProfile("an order is older than the profile allows");
        }
        vector.raw(stated[1]);
        boolean inRate = rate.compare(
            user.inWindow(gateTime) + 1, tier.rateMax(), tier.limitVersion());
        vector.raw(stated[2]);
        boolean inPosition = position.compare(
            asked.exposure, tier.positionLotsMax(), tier.limitVersion());
        vector.raw(stated[3]);
        boolean covered = funds.compare(
            Math.max(asked.hold, 0), user.cashMinor - user.heldMinor, -1);
        vector.raw(stated[4]);
        if (!inRate) {
            return rate.reason;
        }
        if (!inPosition) {
            return position.reason;
        }
        return covered ? accepted : funds.reason;
    }

    /** The largest quantity below the order's that position limit and money allow; 0: none. */
    private long passingLots(UserState user, Settings.Tier tier, Order order) {
        long available = user.cashMinor - user.heldMinor;
        long low = 0;
        long high = order.quantityLots;
        while (high - low > 1) {
            long middle = (low + high) / 2;
            Asked asked = asked(user, tier, order.side, middle);
            if (asked.exposure <= tier.positionLotsMax() && Math.max(asked.hold, 0) <= available) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private byte[] place(LaneHead head, UserState user, Settings.Tier tier, Order order, long hold,
                         byte[] contentHash) {
        long lots = order.quantityLots;
        long fee = lots * tier.feePerLotMinor();
        user.countAccepted(head.gateTime);
        user.openOrdersCount++;
        if (order.side == Order.BUY) {
            user.workingBuyLots += lots;
        } else {
            user.workingSellLots += lots;
        }
        user.marginMinor += hold - fee;
        user.heldMinor += hold;
        byte[] value = order.value;
        AvroWriter w = writer.clear();
        w.octet(ORDER_ROW);
        w.raw(value, order.tenantBegin, order.tenantEnd);
        w.raw(value, order.instrumentBegin, order.instrumentEnd);
        w.number(order.side);
        w.number(order.orderType);
        w.number(order.timeInForce);
        w.number(lots);
        w.number(order.priceE9);
        w.number(0); // expires_at
        w.raw(value, order.orderIdBegin, order.orderIdEnd);
        w.number(0); // pending_order_id
        w.number(0);
        w.number(0);
        w.raw(value, order.peopleBegin, order.peopleEnd);
        w.number(0); // filled_lots
        w.number(0); // final_lots
        w.octet(0); // acknowledged
        w.octet(0); // cancel_requested
        w.number(fee);
        w.sized(currency);
        w.number(head.sequence);
        w.number(head.gateTime);
        w.number(head.gateTime / DAY_US);
        w.number(Math.max(head.gateTime, order.eventTime));
        w.sized(contentHash);
        return w.bytes();
    }

    private byte[] refused(LaneHead head, Order order, Settings.Reason reason, byte[] contentHash) {
        AvroWriter w = writer.clear();
        w.octet(DECISION_ROW);
        w.number(1); // REJECTED
        w.sized(reason.code());
        w.number(head.sequence);
        w.number(Math.max(head.gateTime, order.eventTime));
        w.sized(contentHash);
        w.number(0);
        w.number(0);
        w.number(0);
        w.number(0);
        return w.bytes();
    }

    private byte[] decision(LaneHead head, int lane, long offset, Order order,
                            Settings.Reason reason, long duplicateOf, long hold, int checks,
                            long passingLots) {
        boolean firstAccept = reason == accepted && duplicateOf < 0;
        byte[] value = order.value;
        AvroWriter w = writer.clear();
        w.raw(decisionFrame);
        w.number(head.gateTime);
        w.number(order.eventTime);
        w.raw(value, order.sourceBegin, order.tenantEnd);
        w.raw(value, order.userIdBegin, order.instrumentBegin);
        w.raw(value, order.orderIdBegin, order.orderIdEnd);
        w.number(0); // orig_order_id
        w.number(0); // NEW
        w.number(0); // CLIENT
        w.number(reason == accepted ? 0 : 1);
        w.raw(reason.stated());
        w.number(lane);
        w.number(head.sequence);
        if (duplicateOf < 0) {
            w.number(0);
        } else {
            w.number(1);
            w.number(duplicateOf);
        }
        w.raw(topic);
        w.number(offset);
        w.number(controlNumber);
        w.number(coreVersion);
        if (checks > 0) {
            w.number(checks);
            w.raw(vector.bytes());
        }
        w.number(0); // the end of the checks
        if (firstAccept) {
            w.number(1);
            w.sized(currency);
        } else {
            w.number(0);
        }
        w.number(hold);
        w.number(0); // protection_price_e9
        w.number(0); // fx_instrument_id
        w.number(0); // fx_price_e9
        w.number(0); // fx_as_of
        w.number(0); // cover
        if (firstAccept) {
            w.number(1);
            w.raw(value, Order.FRAME_BYTES, value.length);
        } else {
            w.number(0);
        }
        w.number(0); // traceparent
        if (passingLots < 0) {
            w.number(0);
        } else {
            w.number(1);
            w.number(passingLots);
        }
        return w.bytes();
    }

    private byte[] audit(LaneHead head, int lane, long offset, long timeMs, byte[] key,
                         byte[] value, Settings.Reason reason, byte[] decision) {
        int length = decision.length - decisionFrame.length;
        digest.update((byte) 'D');
        digest.update((byte) (length >>> 24));
        digest.update((byte) (length >>> 16));
        digest.update((byte) (length >>> 8));
        digest.update((byte) length);
        digest.update(decision, decisionFrame.length, length);
        byte[] outputs = digest.digest();
        AvroWriter w = writer.clear();
        w.raw(auditFrame);
        w.number(lane);
        w.number(head.sequence);
        w.sized(head.chain);
        w.raw(topic);
        w.number(lane);
        w.number(offset);
        w.number(timeMs);
        w.number(1);
        w.sized(key);
        w.number(1);
        w.sized(value);
        w.number(0); // oversized_length
        w.number(0); // oversized_sha256
        w.number(0); // traceparent
        w.number(head.gateTime);
        w.octet(0); // out_of_sync
        w.number(coreVersion);
        w.number(controlNumber);
        w.number(0); // DECISION
        w.sized(reason.code());
        w.number(0); // swept
        w.number(1);
        w.sized(decision, decisionFrame.length);
        w.sized(outputs);
        w.sized(head.state);
        byte[] audit = w.bytes();
        digest.update(audit, auditFrame.length, audit.length - auditFrame.length);
        head.chain = digest.digest();
        return audit;
    }

    /** What is remembered of the first answer to an id. */
    private record Remembered(Settings.Reason reason, long sequence, byte[] contentHash) {}

    private Remembered remembered(byte[] row) {
        AvroReader reader = new AvroReader(row, 1);
        if (row[0] == DECISION_ROW) {
            reader.number();
            Settings.Reason reason = reasonOf(reader.sized());
            long sequence = reader.number();
            reader.number(); // touched_at
            return new Remembered(reason, sequence, reader.sized());
        }
        reader.skipString(); // tenant_id
        reader.skipString(); // instrument_id
        for (int index = 0; index < 6; index++) {
            reader.number(); // side to expires_at, which is null
        }
        reader.skipString(); // current_order_id
        for (int index = 0; index < 3; index++) {
            reader.number(); // what is pending: nothing
        }
        for (int index = 0; index < 4; index++) {
            reader.skipOptionalString();
        }
        for (int index = 0; index < 4; index++) {
            reader.number(); // filled_lots to cancel_requested: nothing yet
        }
        reader.number(); // hold_minor
        reader.skipString(); // hold_currency
        long sequence = reader.number();
        for (int index = 0; index < 3; index++) {
            reader.number(); // accepted_at, business_day, touched_at
        }
        return new Remembered(accepted, sequence, reader.sized());
    }

    private Settings.Reason reasonOf(byte[] code) {
        for (Settings.Reason reason : new Settings.Reason[] {
            rate.reason, position.reason, funds.reason}) {
            if (Arrays.equals(reason.code(), code)) {
                return reason;
            }
        }
        throw new OutsideProfile("a stored reason of no known name");
    }

    private Settings.Reason settings(String name) {
        return settings.reason(name);
    }

    private byte[][] stated(String[] names, Set<String> exempt, List<String> evaluated) {
        byte[][] parts = new byte[evaluated.size() + 1][];
        AvroWriter writer = new AvroWriter(256);
        int part = 0;
        for (String name : names) {
            if (part < evaluated.size() && evaluated.get(part).equals(name)) {
                parts[part++] = writer.bytes();
                writer.clear();
                continue;
            }
            writer.raw(sized(name));
            if (name.equals("HOLDINGS")) {
                // Whoever trades has the one instrument of the profile.
                holdings(writer);
                continue;
            }
            writer.number(exempt.contains(name) ? EXEMPT : PASS);
            for (int index = 0; index < 5; index++) {
                writer.number(0);
            }
        }
        parts[part] = writer.bytes();
        return parts;
    }

    private void holdings(AvroWriter made) {
        made.number(PASS);
        made.number(0); // reason_code
        made.number(1);
        made.number(1); // observed
        made.number(1);
        made.number(holdingsMax);
        made.number(0); // limit_version
        made.number(1);
        made.number(holdingsMax - 1);
    }

    private byte[] identityFailed() {
        AvroWriter made = new AvroWriter(64);
        made.raw(sized("IDENTITY"));
        made.number(FAIL);
        made.number(1);
        made.sized(duplicate.code());
        for (int index = 0; index < 4; index++) {
            made.number(0);
        }
        return made.bytes();
    }

    private static byte[] sized(String text) {
        AvroWriter writer = new AvroWriter(64);
        writer.sized(text.getBytes(UTF_8));
        return writer.bytes();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }
}
