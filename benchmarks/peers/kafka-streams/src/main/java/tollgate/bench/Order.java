package tollgate.bench;

/** A new limit order; its strings stay where they are in the record's value. */
final class Order {
    static final int FRAME_BYTES = 5;
    static final int BUY = 0;

    final byte[] value;
    final long eventTime;
    /** source_system_id and tenant_id lie between these two. */
    final int sourceBegin;
    final int tenantBegin;
    final int tenantEnd;
    final int orderIdBegin;
    final int orderIdEnd;
    final int userIdBegin;
    final int instrumentBegin;
    final int instrumentEnd;
    final long side;
    final long orderType;
    final long timeInForce;
    final long quantityLots;
    final long priceE9;
    /** trader_id, algo_id, desk_id and counterparty_id lie between these two. */
    final int peopleBegin;
    final int peopleEnd;

    Order(byte[] value) {
        this.value = value;
        AvroReader reader = new AvroReader(value, FRAME_BYTES);
        eventTime = reader.number();
        sourceBegin = reader.skipString();
        tenantBegin = reader.skipString();
        tenantEnd = reader.position;
        long action = reader.number();
        orderIdBegin = reader.skipString();
        orderIdEnd = reader.position;
        boolean refers = reader.number() != 0;
        if (action != 0 || refers) {
            throw new OutsideProfile("the profile knows new orders only");
        }
        userIdBegin = reader.skipString();
        instrumentBegin = reader.skipString();
        instrumentEnd = reader.position;
        side = reader.number();
        orderType = reader.number();
        timeInForce = reader.number();
        quantityLots = reader.number();
        if (orderType != 0 || reader.number() == 0) {
            throw new OutsideProfile("the profile knows limit orders only");
        }
        priceE9 = reader.number();
        if (reader.number() != 0) {
            throw new OutsideProfile("the profile knows no expiry");
        }
        peopleBegin = reader.position;
        reader.skipOptionalString();
        reader.skipOptionalString();
        reader.skipOptionalString();
        reader.skipOptionalString();
        peopleEnd = reader.position;
    }
}
