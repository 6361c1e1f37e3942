/* Generated from schemas/avro. Do not edit: `make generate`.

   Each function that pipeline/codecs/avro.py has under the same name does the same. */
#pragma GCC diagnostic error "-Wmissing-prototypes"
#include "primitives.h"
#include "shared.h"

/* -- order */

static char *put_order_fields(Writer *w, char *at, pipeline___risk___records___OrderObject *v) {
    PUT(put_long(w, at, v->_event_time));
    PUT(put_string(w, at, v->_source_system_id));
    PUT(put_string(w, at, v->_tenant_id));
    PUT(put_long(w, at, v->_action));
    PUT(put_string(w, at, v->_order_id));
    PUT(put_optional_string(w, at, v->_orig_order_id));
    PUT(put_string(w, at, v->_user_id));
    PUT(put_string(w, at, v->_instrument_id));
    PUT(put_long(w, at, v->_side));
    PUT(put_long(w, at, v->_order_type));
    PUT(put_long(w, at, v->_time_in_force));
    PUT(put_long(w, at, v->_quantity_lots));
    PUT(put_optional_number(w, at, v->_price_e9));
    PUT(put_optional_number(w, at, v->_expires_at));
    PUT(put_optional_string(w, at, v->_trader_id));
    PUT(put_optional_string(w, at, v->_algo_id));
    PUT(put_optional_string(w, at, v->_desk_id));
    PUT(put_optional_string(w, at, v->_counterparty_id));
    PUT(put_map(w, at, v->_tags, put_string));
    PUT(put_boolean(w, at, v->_reduce_only));
    PUT(put_optional_number(w, at, v->_short_mark));
    return at;
}

static char *put_order(Writer *w, char *at, pipeline___risk___records___OrderObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    if (v->_encoded != NULL && v->_encoded != Py_None) {
        return put_encoded(w, at, v->_encoded);
    }
    Py_ssize_t start = at - w->buf;
    at = put_order_fields(w, at, v);
    if (at != NULL && v->_kept == 1) {
        Py_ssize_t length = at - w->buf - start;
        PyObject *encoded = PyBytes_FromStringAndSize(w->buf + start, length);
        if (encoded == NULL) {
            return NULL;
        }
        Py_XSETREF(v->_encoded, encoded);
    }
    return at;
}

char CPyDef_avro___write_order(PyObject *w, PyObject *v) {
    return written(w, put_order((Writer *)w, START(w), (pipeline___risk___records___OrderObject *)v));
}

static PyObject *get_order(Cursor *r) {
    CPyTagged event_time = get_long(r);
    PyObject *source_system_id = get_recurring(r);
    PyObject *tenant_id = get_recurring(r);
    CPyTagged action = get_symbol(r, 3);
    PyObject *order_id = get_string(r);
    PyObject *orig_order_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *user_id = get_recurring(r);
    PyObject *instrument_id = get_recurring(r);
    CPyTagged side = get_symbol(r, 2);
    CPyTagged order_type = get_symbol(r, 2);
    CPyTagged time_in_force = get_symbol(r, 4);
    CPyTagged quantity_lots = get_long(r);
    PyObject *price_e9 = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *expires_at = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *trader_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *algo_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *desk_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *counterparty_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *tags = made(r, PyDict_New());
    PyObject *tags_last = NULL;
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            PyObject *key = get_string(r);
            PyObject *item = get_string(r);
            put_into(r, tags, key, item, &tags_last);
        }
    }
    Py_XDECREF(tags_last);
    char reduce_only = get_boolean(r);
    PyObject *short_mark = get_present(r) ? get_symbol_object(r, 2) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Order(event_time, source_system_id, tenant_id, action, order_id, orig_order_id, user_id, instrument_id, side, order_type, time_in_force, quantity_lots, price_e9, expires_at, trader_id, algo_id, desk_id, counterparty_id, tags, reduce_only, short_mark));
    CPyTagged_DECREF(event_time);
    Py_XDECREF(source_system_id);
    Py_XDECREF(tenant_id);
    CPyTagged_DECREF(action);
    Py_XDECREF(order_id);
    Py_XDECREF(orig_order_id);
    Py_XDECREF(user_id);
    Py_XDECREF(instrument_id);
    CPyTagged_DECREF(side);
    CPyTagged_DECREF(order_type);
    CPyTagged_DECREF(time_in_force);
    CPyTagged_DECREF(quantity_lots);
    Py_XDECREF(price_e9);
    Py_XDECREF(expires_at);
    Py_XDECREF(trader_id);
    Py_XDECREF(algo_id);
    Py_XDECREF(desk_id);
    Py_XDECREF(counterparty_id);
    Py_XDECREF(tags);
    Py_XDECREF(short_mark);
    return v;
}

PyObject *CPyDef_avro___decode_order(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    Py_ssize_t start = r.at;
    PyObject *v = finished(&r, get_order(&r));
    if (v != NULL && r.canonical) {
        PyObject *encoded = body_from(data, start);
        if (encoded == NULL) {
            Py_DECREF(v);
            return NULL;
        }
        Py_XSETREF(((pipeline___risk___records___OrderObject *)v)->_encoded, encoded);
    }
    return v;
}

/* -- fill */

static char *put_fill(Writer *w, char *at, pipeline___risk___records___FillObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_event_time));
    PUT(put_string(w, at, v->_source_system_id));
    PUT(put_string(w, at, v->_tenant_id));
    PUT(put_string(w, at, v->_exec_id));
    PUT(put_optional_string(w, at, v->_exec_ref_id));
    PUT(put_string(w, at, v->_order_id));
    PUT(put_optional_string(w, at, v->_orig_order_id));
    PUT(put_string(w, at, v->_user_id));
    PUT(put_optional_string(w, at, v->_instrument_id));
    PUT(put_optional_number(w, at, v->_side));
    PUT(put_long(w, at, v->_exec_type));
    PUT(put_long(w, at, v->_last_lots));
    PUT(put_optional_number(w, at, v->_last_price_e9));
    PUT(put_long(w, at, v->_cum_lots));
    PUT(put_long(w, at, v->_leaves_lots));
    PUT(put_long(w, at, v->_fee_minor));
    PUT(put_optional_string(w, at, v->_trade_id));
    PUT(put_string(w, at, v->_venue));
    return at;
}

char CPyDef_avro___write_fill(PyObject *w, PyObject *v) {
    return written(w, put_fill((Writer *)w, START(w), (pipeline___risk___records___FillObject *)v));
}

static PyObject *get_fill(Cursor *r) {
    CPyTagged event_time = get_long(r);
    PyObject *source_system_id = get_recurring(r);
    PyObject *tenant_id = get_recurring(r);
    PyObject *exec_id = get_string(r);
    PyObject *exec_ref_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *order_id = get_string(r);
    PyObject *orig_order_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *user_id = get_recurring(r);
    PyObject *instrument_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *side = get_present(r) ? get_symbol_object(r, 2) : Py_NewRef(Py_None);
    CPyTagged exec_type = get_symbol(r, 10);
    CPyTagged last_lots = get_long(r);
    PyObject *last_price_e9 = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    CPyTagged cum_lots = get_long(r);
    CPyTagged leaves_lots = get_long(r);
    CPyTagged fee_minor = get_long(r);
    PyObject *trade_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *venue = get_recurring(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Fill(event_time, source_system_id, tenant_id, exec_id, exec_ref_id, order_id, orig_order_id, user_id, instrument_id, side, exec_type, last_lots, last_price_e9, cum_lots, leaves_lots, fee_minor, trade_id, venue));
    CPyTagged_DECREF(event_time);
    Py_XDECREF(source_system_id);
    Py_XDECREF(tenant_id);
    Py_XDECREF(exec_id);
    Py_XDECREF(exec_ref_id);
    Py_XDECREF(order_id);
    Py_XDECREF(orig_order_id);
    Py_XDECREF(user_id);
    Py_XDECREF(instrument_id);
    Py_XDECREF(side);
    CPyTagged_DECREF(exec_type);
    CPyTagged_DECREF(last_lots);
    Py_XDECREF(last_price_e9);
    CPyTagged_DECREF(cum_lots);
    CPyTagged_DECREF(leaves_lots);
    CPyTagged_DECREF(fee_minor);
    Py_XDECREF(trade_id);
    Py_XDECREF(venue);
    return v;
}

PyObject *CPyDef_avro___decode_fill(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_fill(&r));
}

/* -- deposit */

static char *put_deposit(Writer *w, char *at, pipeline___risk___records___DepositObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_event_time));
    PUT(put_string(w, at, v->_source_system_id));
    PUT(put_string(w, at, v->_tenant_id));
    PUT(put_string(w, at, v->_deposit_id));
    PUT(put_optional_string(w, at, v->_withdrawal_id));
    PUT(put_string(w, at, v->_user_id));
    PUT(put_string(w, at, v->_currency));
    PUT(put_long(w, at, v->_amount_minor));
    PUT(put_long(w, at, v->_kind));
    PUT(put_optional_string(w, at, v->_channel));
    PUT(put_optional_string(w, at, v->_counterparty));
    PUT(put_optional_string(w, at, v->_instrument_id));
    PUT(put_optional_number(w, at, v->_settlement_price_e9));
    PUT(put_optional_number(w, at, v->_session_date));
    return at;
}

char CPyDef_avro___write_deposit(PyObject *w, PyObject *v) {
    return written(w, put_deposit((Writer *)w, START(w), (pipeline___risk___records___DepositObject *)v));
}

static PyObject *get_deposit(Cursor *r) {
    CPyTagged event_time = get_long(r);
    PyObject *source_system_id = get_recurring(r);
    PyObject *tenant_id = get_recurring(r);
    PyObject *deposit_id = get_string(r);
    PyObject *withdrawal_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *user_id = get_recurring(r);
    PyObject *currency = get_recurring(r);
    CPyTagged amount_minor = get_long(r);
    CPyTagged kind = get_symbol(r, 6);
    PyObject *channel = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *counterparty = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *instrument_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *settlement_price_e9 = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *session_date = get_present(r) ? get_int_object(r) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Deposit(event_time, source_system_id, tenant_id, deposit_id, withdrawal_id, user_id, currency, amount_minor, kind, channel, counterparty, instrument_id, settlement_price_e9, session_date));
    CPyTagged_DECREF(event_time);
    Py_XDECREF(source_system_id);
    Py_XDECREF(tenant_id);
    Py_XDECREF(deposit_id);
    Py_XDECREF(withdrawal_id);
    Py_XDECREF(user_id);
    Py_XDECREF(currency);
    CPyTagged_DECREF(amount_minor);
    CPyTagged_DECREF(kind);
    Py_XDECREF(channel);
    Py_XDECREF(counterparty);
    Py_XDECREF(instrument_id);
    Py_XDECREF(settlement_price_e9);
    Py_XDECREF(session_date);
    return v;
}

PyObject *CPyDef_avro___decode_deposit(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_deposit(&r));
}

/* -- mark */

static char *put_mark(Writer *w, char *at, pipeline___risk___records___MarkObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_event_time));
    PUT(put_string(w, at, v->_source_system_id));
    PUT(put_string(w, at, v->_tenant_id));
    PUT(put_string(w, at, v->_instrument_id));
    PUT(put_long(w, at, v->_price_e9));
    PUT(put_long(w, at, v->_source_time));
    return at;
}

char CPyDef_avro___write_mark(PyObject *w, PyObject *v) {
    return written(w, put_mark((Writer *)w, START(w), (pipeline___risk___records___MarkObject *)v));
}

static PyObject *get_mark(Cursor *r) {
    CPyTagged event_time = get_long(r);
    PyObject *source_system_id = get_recurring(r);
    PyObject *tenant_id = get_recurring(r);
    PyObject *instrument_id = get_recurring(r);
    CPyTagged price_e9 = get_long(r);
    CPyTagged source_time = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Mark(event_time, source_system_id, tenant_id, instrument_id, price_e9, source_time));
    CPyTagged_DECREF(event_time);
    Py_XDECREF(source_system_id);
    Py_XDECREF(tenant_id);
    Py_XDECREF(instrument_id);
    CPyTagged_DECREF(price_e9);
    CPyTagged_DECREF(source_time);
    return v;
}

PyObject *CPyDef_avro___decode_mark(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_mark(&r));
}

/* -- instrument */

static char *put_instrument(Writer *w, char *at, pipeline___risk___records___InstrumentObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_instrument_id));
    PUT(put_long(w, at, v->_kind));
    PUT(put_string(w, at, v->_currency));
    PUT(put_optional_string(w, at, v->_base_currency));
    PUT(put_long(w, at, v->_base_minor_per_lot));
    PUT(put_long(w, at, v->_tick_e9));
    PUT(put_long(w, at, v->_lot));
    PUT(put_long(w, at, v->_multiplier_numerator));
    PUT(put_long(w, at, v->_multiplier_denominator));
    PUT(put_optional_number(w, at, v->_margin_minor_per_lot));
    PUT(put_long(w, at, v->_state));
    return at;
}

char CPyDef_avro___write_instrument(PyObject *w, PyObject *v) {
    return written(w, put_instrument((Writer *)w, START(w), (pipeline___risk___records___InstrumentObject *)v));
}

static PyObject *get_instrument(Cursor *r) {
    PyObject *instrument_id = get_recurring(r);
    CPyTagged kind = get_symbol(r, 3);
    PyObject *currency = get_recurring(r);
    PyObject *base_currency = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    CPyTagged base_minor_per_lot = get_long(r);
    CPyTagged tick_e9 = get_long(r);
    CPyTagged lot = get_long(r);
    CPyTagged multiplier_numerator = get_long(r);
    CPyTagged multiplier_denominator = get_long(r);
    PyObject *margin_minor_per_lot = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    CPyTagged state = get_symbol(r, 3);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Instrument(instrument_id, kind, currency, base_currency, base_minor_per_lot, tick_e9, lot, multiplier_numerator, multiplier_denominator, margin_minor_per_lot, state));
    Py_XDECREF(instrument_id);
    CPyTagged_DECREF(kind);
    Py_XDECREF(currency);
    Py_XDECREF(base_currency);
    CPyTagged_DECREF(base_minor_per_lot);
    CPyTagged_DECREF(tick_e9);
    CPyTagged_DECREF(lot);
    CPyTagged_DECREF(multiplier_numerator);
    CPyTagged_DECREF(multiplier_denominator);
    Py_XDECREF(margin_minor_per_lot);
    CPyTagged_DECREF(state);
    return v;
}

PyObject *CPyDef_avro___decode_instrument(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_instrument(&r));
}

/* -- limits */

static char *put_limits(Writer *w, char *at, pipeline___risk___records___LimitsObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_scope));
    PUT(put_string(w, at, v->_scope_id));
    PUT(put_optional_string(w, at, v->_instrument_id));
    PUT(put_optional_number(w, at, v->_order_rate_per_s_max));
    PUT(put_optional_number(w, at, v->_order_quantity_lots_max));
    PUT(put_optional_number(w, at, v->_order_notional_minor_max));
    PUT(put_optional_string(w, at, v->_notional_currency));
    PUT(put_optional_number(w, at, v->_position_lots_max));
    PUT(put_optional_number(w, at, v->_price_collar_bps));
    PUT(put_optional_number(w, at, v->_market_collar_bps));
    PUT(put_optional_number(w, at, v->_short_lots_max));
    PUT(put_optional_string(w, at, v->_locate_id));
    return at;
}

char CPyDef_avro___write_limits(PyObject *w, PyObject *v) {
    return written(w, put_limits((Writer *)w, START(w), (pipeline___risk___records___LimitsObject *)v));
}

static PyObject *get_limits(Cursor *r) {
    CPyTagged scope = get_symbol(r, 2);
    PyObject *scope_id = get_string(r);
    PyObject *instrument_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *order_rate_per_s_max = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *order_quantity_lots_max = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *order_notional_minor_max = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *notional_currency = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *position_lots_max = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *price_collar_bps = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *market_collar_bps = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *short_lots_max = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *locate_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Limits(scope, scope_id, instrument_id, order_rate_per_s_max, order_quantity_lots_max, order_notional_minor_max, notional_currency, position_lots_max, price_collar_bps, market_collar_bps, short_lots_max, locate_id));
    CPyTagged_DECREF(scope);
    Py_XDECREF(scope_id);
    Py_XDECREF(instrument_id);
    Py_XDECREF(order_rate_per_s_max);
    Py_XDECREF(order_quantity_lots_max);
    Py_XDECREF(order_notional_minor_max);
    Py_XDECREF(notional_currency);
    Py_XDECREF(position_lots_max);
    Py_XDECREF(price_collar_bps);
    Py_XDECREF(market_collar_bps);
    Py_XDECREF(short_lots_max);
    Py_XDECREF(locate_id);
    return v;
}

PyObject *CPyDef_avro___decode_limits(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_limits(&r));
}

/* -- user_account */

static char *put_user_account(Writer *w, char *at, pipeline___risk___records___UserAccountObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_user_id));
    PUT(put_string(w, at, v->_account_tenant_id));
    PUT(put_string(w, at, v->_tier_id));
    PUT(put_long(w, at, v->_trading_state));
    return at;
}

char CPyDef_avro___write_user_account(PyObject *w, PyObject *v) {
    return written(w, put_user_account((Writer *)w, START(w), (pipeline___risk___records___UserAccountObject *)v));
}

static PyObject *get_user_account(Cursor *r) {
    PyObject *user_id = get_recurring(r);
    PyObject *account_tenant_id = get_recurring(r);
    PyObject *tier_id = get_recurring(r);
    CPyTagged trading_state = get_symbol(r, 3);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___UserAccount(user_id, account_tenant_id, tier_id, trading_state));
    Py_XDECREF(user_id);
    Py_XDECREF(account_tenant_id);
    Py_XDECREF(tier_id);
    CPyTagged_DECREF(trading_state);
    return v;
}

PyObject *CPyDef_avro___decode_user_account(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_user_account(&r));
}

/* -- firm_state */

static char *put_firm_state(Writer *w, char *at, pipeline___risk___records___FirmStateObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_trading_state));
    return at;
}

char CPyDef_avro___write_firm_state(PyObject *w, PyObject *v) {
    return written(w, put_firm_state((Writer *)w, START(w), (pipeline___risk___records___FirmStateObject *)v));
}

static PyObject *get_firm_state(Cursor *r) {
    CPyTagged trading_state = get_symbol(r, 3);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___FirmState(trading_state));
    CPyTagged_DECREF(trading_state);
    return v;
}

PyObject *CPyDef_avro___decode_firm_state(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_firm_state(&r));
}

/* -- fee_schedule */

static char *put_fee_schedule(Writer *w, char *at, pipeline___risk___records___FeeScheduleObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_tier_id));
    PUT(put_optional_string(w, at, v->_instrument_id));
    PUT(put_long(w, at, v->_fee_per_lot_minor_max));
    PUT(put_long(w, at, v->_fee_notional_bps_max));
    return at;
}

char CPyDef_avro___write_fee_schedule(PyObject *w, PyObject *v) {
    return written(w, put_fee_schedule((Writer *)w, START(w), (pipeline___risk___records___FeeScheduleObject *)v));
}

static PyObject *get_fee_schedule(Cursor *r) {
    PyObject *tier_id = get_recurring(r);
    PyObject *instrument_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    CPyTagged fee_per_lot_minor_max = get_long(r);
    CPyTagged fee_notional_bps_max = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___FeeSchedule(tier_id, instrument_id, fee_per_lot_minor_max, fee_notional_bps_max));
    Py_XDECREF(tier_id);
    Py_XDECREF(instrument_id);
    CPyTagged_DECREF(fee_per_lot_minor_max);
    CPyTagged_DECREF(fee_notional_bps_max);
    return v;
}

PyObject *CPyDef_avro___decode_fee_schedule(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_fee_schedule(&r));
}

/* -- policy */

static char *put_policy(Writer *w, char *at, pipeline___risk___records___PolicyObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_order_age_ms_max));
    PUT(put_long(w, at, v->_future_skew_ms_max));
    PUT(put_long(w, at, v->_mark_age_ms_max));
    PUT(put_long(w, at, v->_dedup_window_ms));
    PUT(put_long(w, at, v->_remembered_ids_max));
    PUT(put_long(w, at, v->_open_orders_max));
    PUT(put_long(w, at, v->_orphan_ms_max));
    if (unlikely(v->_checks_exempt == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_checks_exempt) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_checks_exempt) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_checks_exempt); i++) {
            PyObject *checks_exempt_item = PyList_GET_ITEM(v->_checks_exempt, i);
            PUT(put_string(w, at, checks_exempt_item));
        }
    }
    PUT(put_byte(w, at, 0));
    return at;
}

char CPyDef_avro___write_policy(PyObject *w, PyObject *v) {
    return written(w, put_policy((Writer *)w, START(w), (pipeline___risk___records___PolicyObject *)v));
}

static PyObject *get_policy(Cursor *r) {
    CPyTagged order_age_ms_max = get_long(r);
    CPyTagged future_skew_ms_max = get_long(r);
    CPyTagged mark_age_ms_max = get_long(r);
    CPyTagged dedup_window_ms = get_long(r);
    CPyTagged remembered_ids_max = get_long(r);
    CPyTagged open_orders_max = get_long(r);
    CPyTagged orphan_ms_max = get_long(r);
    PyObject *checks_exempt = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, checks_exempt, get_string(r));
        }
    }
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Policy(order_age_ms_max, future_skew_ms_max, mark_age_ms_max, dedup_window_ms, remembered_ids_max, open_orders_max, orphan_ms_max, checks_exempt));
    CPyTagged_DECREF(order_age_ms_max);
    CPyTagged_DECREF(future_skew_ms_max);
    CPyTagged_DECREF(mark_age_ms_max);
    CPyTagged_DECREF(dedup_window_ms);
    CPyTagged_DECREF(remembered_ids_max);
    CPyTagged_DECREF(open_orders_max);
    CPyTagged_DECREF(orphan_ms_max);
    Py_XDECREF(checks_exempt);
    return v;
}

PyObject *CPyDef_avro___decode_policy(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_policy(&r));
}

/* -- day_close */

static char *put_day_close(Writer *w, char *at, pipeline___risk___records___DayCloseObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_business_day));
    return at;
}

char CPyDef_avro___write_day_close(PyObject *w, PyObject *v) {
    return written(w, put_day_close((Writer *)w, START(w), (pipeline___risk___records___DayCloseObject *)v));
}

static PyObject *get_day_close(Cursor *r) {
    CPyTagged business_day = get_int(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___DayClose(business_day));
    CPyTagged_DECREF(business_day);
    return v;
}

PyObject *CPyDef_avro___decode_day_close(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_day_close(&r));
}

/* -- core_version */

static char *put_core_version(Writer *w, char *at, pipeline___risk___records___CoreVersionObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_core_version));
    return at;
}

char CPyDef_avro___write_core_version(PyObject *w, PyObject *v) {
    return written(w, put_core_version((Writer *)w, START(w), (pipeline___risk___records___CoreVersionObject *)v));
}

static PyObject *get_core_version(Cursor *r) {
    CPyTagged core_version = get_int(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___CoreVersion(core_version));
    CPyTagged_DECREF(core_version);
    return v;
}

PyObject *CPyDef_avro___decode_core_version(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_core_version(&r));
}

/* -- check_limit */

static char *put_check_limit(Writer *w, char *at, pipeline___risk___records___CheckLimitObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_check));
    PUT(put_long(w, at, v->_scope));
    PUT(put_string(w, at, v->_scope_id));
    PUT(put_optional_string(w, at, v->_instrument_id));
    PUT(put_optional_number(w, at, v->_limit));
    PUT(put_optional_number(w, at, v->_allowance));
    PUT(put_optional_string(w, at, v->_currency));
    return at;
}

char CPyDef_avro___write_check_limit(PyObject *w, PyObject *v) {
    return written(w, put_check_limit((Writer *)w, START(w), (pipeline___risk___records___CheckLimitObject *)v));
}

static PyObject *get_check_limit(Cursor *r) {
    PyObject *check = get_recurring(r);
    CPyTagged scope = get_symbol(r, 2);
    PyObject *scope_id = get_string(r);
    PyObject *instrument_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *limit = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *allowance = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *currency = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___CheckLimit(check, scope, scope_id, instrument_id, limit, allowance, currency));
    Py_XDECREF(check);
    CPyTagged_DECREF(scope);
    Py_XDECREF(scope_id);
    Py_XDECREF(instrument_id);
    Py_XDECREF(limit);
    Py_XDECREF(allowance);
    Py_XDECREF(currency);
    return v;
}

PyObject *CPyDef_avro___decode_check_limit(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_check_limit(&r));
}

/* -- check_policy */

static char *put_check_policy(Writer *w, char *at, pipeline___risk___records___CheckPolicyObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_check));
    PUT(put_long(w, at, v->_severity));
    PUT(put_optional_number(w, at, v->_window_ms));
    return at;
}

char CPyDef_avro___write_check_policy(PyObject *w, PyObject *v) {
    return written(w, put_check_policy((Writer *)w, START(w), (pipeline___risk___records___CheckPolicyObject *)v));
}

static PyObject *get_check_policy(Cursor *r) {
    PyObject *check = get_recurring(r);
    CPyTagged severity = get_symbol(r, 4);
    PyObject *window_ms = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___CheckPolicy(check, severity, window_ms));
    Py_XDECREF(check);
    CPyTagged_DECREF(severity);
    Py_XDECREF(window_ms);
    return v;
}

PyObject *CPyDef_avro___decode_check_policy(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_check_policy(&r));
}

/* -- scope_state */

static char *put_scope_state(Writer *w, char *at, pipeline___risk___records___ScopeStateObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_scope));
    PUT(put_string(w, at, v->_scope_id));
    PUT(put_long(w, at, v->_trading_state));
    return at;
}

char CPyDef_avro___write_scope_state(PyObject *w, PyObject *v) {
    return written(w, put_scope_state((Writer *)w, START(w), (pipeline___risk___records___ScopeStateObject *)v));
}

static PyObject *get_scope_state(Cursor *r) {
    CPyTagged scope = get_symbol(r, 3);
    PyObject *scope_id = get_string(r);
    CPyTagged trading_state = get_symbol(r, 3);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___ScopeState(scope, scope_id, trading_state));
    CPyTagged_DECREF(scope);
    Py_XDECREF(scope_id);
    CPyTagged_DECREF(trading_state);
    return v;
}

PyObject *CPyDef_avro___decode_scope_state(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_scope_state(&r));
}

/* -- release */

static char *put_release(Writer *w, char *at, pipeline___risk___records___ReleaseObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_user_id));
    PUT(put_optional_string(w, at, v->_algo_id));
    PUT(put_optional_string(w, at, v->_check));
    return at;
}

char CPyDef_avro___write_release(PyObject *w, PyObject *v) {
    return written(w, put_release((Writer *)w, START(w), (pipeline___risk___records___ReleaseObject *)v));
}

static PyObject *get_release(Cursor *r) {
    PyObject *user_id = get_recurring(r);
    PyObject *algo_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *check = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Release(user_id, algo_id, check));
    Py_XDECREF(user_id);
    Py_XDECREF(algo_id);
    Py_XDECREF(check);
    return v;
}

PyObject *CPyDef_avro___decode_release(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_release(&r));
}

/* -- restriction */

static char *put_restriction(Writer *w, char *at, pipeline___risk___records___RestrictionObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_subject));
    if (unlikely(v->_ids == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_ids) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_ids) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_ids); i++) {
            PyObject *ids_item = PyList_GET_ITEM(v->_ids, i);
            PUT(put_string(w, at, ids_item));
        }
    }
    PUT(put_byte(w, at, 0));
    PUT(put_optional_string(w, at, v->_instrument_id));
    PUT(put_boolean(w, at, v->_restricted));
    return at;
}

char CPyDef_avro___write_restriction(PyObject *w, PyObject *v) {
    return written(w, put_restriction((Writer *)w, START(w), (pipeline___risk___records___RestrictionObject *)v));
}

static PyObject *get_restriction(Cursor *r) {
    CPyTagged subject = get_symbol(r, 5);
    PyObject *ids = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, ids, get_string(r));
        }
    }
    PyObject *instrument_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    char restricted = get_boolean(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Restriction(subject, ids, instrument_id, restricted));
    CPyTagged_DECREF(subject);
    Py_XDECREF(ids);
    Py_XDECREF(instrument_id);
    return v;
}

PyObject *CPyDef_avro___decode_restriction(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_restriction(&r));
}

/* -- session_calendar */

static char *put_session_calendar(Writer *w, char *at, pipeline___risk___records___SessionCalendarObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_calendar_id));
    PUT(put_long(w, at, v->_covers_from));
    PUT(put_long(w, at, v->_covers_until));
    if (unlikely(v->_opens == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_opens) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_opens) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_opens); i++) {
            PyObject *opens_item = PyList_GET_ITEM(v->_opens, i);
            PUT(put_number(w, at, opens_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (unlikely(v->_closes == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_closes) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_closes) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_closes); i++) {
            PyObject *closes_item = PyList_GET_ITEM(v->_closes, i);
            PUT(put_number(w, at, closes_item));
        }
    }
    PUT(put_byte(w, at, 0));
    return at;
}

char CPyDef_avro___write_session_calendar(PyObject *w, PyObject *v) {
    return written(w, put_session_calendar((Writer *)w, START(w), (pipeline___risk___records___SessionCalendarObject *)v));
}

static PyObject *get_session_calendar(Cursor *r) {
    PyObject *calendar_id = get_string(r);
    CPyTagged covers_from = get_long(r);
    CPyTagged covers_until = get_long(r);
    PyObject *opens = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, opens, get_long_object(r));
        }
    }
    PyObject *closes = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, closes, get_long_object(r));
        }
    }
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___SessionCalendar(calendar_id, covers_from, covers_until, opens, closes));
    Py_XDECREF(calendar_id);
    CPyTagged_DECREF(covers_from);
    CPyTagged_DECREF(covers_until);
    Py_XDECREF(opens);
    Py_XDECREF(closes);
    return v;
}

PyObject *CPyDef_avro___decode_session_calendar(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_session_calendar(&r));
}

/* -- listing */

static char *put_listing(Writer *w, char *at, pipeline___risk___records___ListingObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_instrument_id));
    PUT(put_optional_string(w, at, v->_sector_id));
    PUT(put_optional_string(w, at, v->_calendar_id));
    return at;
}

char CPyDef_avro___write_listing(PyObject *w, PyObject *v) {
    return written(w, put_listing((Writer *)w, START(w), (pipeline___risk___records___ListingObject *)v));
}

static PyObject *get_listing(Cursor *r) {
    PyObject *instrument_id = get_recurring(r);
    PyObject *sector_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *calendar_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Listing(instrument_id, sector_id, calendar_id));
    Py_XDECREF(instrument_id);
    Py_XDECREF(sector_id);
    Py_XDECREF(calendar_id);
    return v;
}

PyObject *CPyDef_avro___decode_listing(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_listing(&r));
}

/* -- rule */

static char *put_rule(Writer *w, char *at, pipeline___risk___records___RuleObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_rule_id));
    PUT(put_string(w, at, v->_expression));
    PUT(put_long(w, at, v->_severity));
    PUT(put_boolean(w, at, v->_enabled));
    return at;
}

char CPyDef_avro___write_rule(PyObject *w, PyObject *v) {
    return written(w, put_rule((Writer *)w, START(w), (pipeline___risk___records___RuleObject *)v));
}

static PyObject *get_rule(Cursor *r) {
    PyObject *rule_id = get_string(r);
    PyObject *expression = get_string(r);
    CPyTagged severity = get_symbol(r, 4);
    char enabled = get_boolean(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Rule(rule_id, expression, severity, enabled));
    Py_XDECREF(rule_id);
    Py_XDECREF(expression);
    CPyTagged_DECREF(severity);
    return v;
}

PyObject *CPyDef_avro___decode_rule(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_rule(&r));
}

/* -- collateral */

static char *put_collateral(Writer *w, char *at, pipeline___risk___records___CollateralObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_tier_id));
    PUT(put_string(w, at, v->_currency));
    PUT(put_long(w, at, v->_haircut_bps));
    return at;
}

char CPyDef_avro___write_collateral(PyObject *w, PyObject *v) {
    return written(w, put_collateral((Writer *)w, START(w), (pipeline___risk___records___CollateralObject *)v));
}

static PyObject *get_collateral(Cursor *r) {
    PyObject *tier_id = get_recurring(r);
    PyObject *currency = get_recurring(r);
    CPyTagged haircut_bps = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Collateral(tier_id, currency, haircut_bps));
    Py_XDECREF(tier_id);
    Py_XDECREF(currency);
    CPyTagged_DECREF(haircut_bps);
    return v;
}

PyObject *CPyDef_avro___decode_collateral(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_collateral(&r));
}

/* -- control */

static char *put_control(Writer *w, char *at, pipeline___risk___records___ControlObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_event_time));
    PUT(put_string(w, at, v->_source_system_id));
    PUT(put_string(w, at, v->_tenant_id));
    PUT(put_long(w, at, v->_number));
    PUT(put_long(w, at, v->_version));
    PUT(put_string(w, at, v->_proposer));
    PUT(put_optional_string(w, at, v->_approver));
    PUT(put_string(w, at, v->_reason));
    PUT(put_long(w, at, v->_effective_from));
    PUT(put_optional_bytes(w, at, v->_signature));
    if (unlikely(v->_payload == NULL)) {
        return put_undefined();
    }
    if (Py_TYPE(v->_payload) == CPyType_records___Instrument) {
        PUT(put_byte(w, at, 0));
        PUT(put_instrument(w, at, (pipeline___risk___records___InstrumentObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___Limits) {
        PUT(put_byte(w, at, 2));
        PUT(put_limits(w, at, (pipeline___risk___records___LimitsObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___UserAccount) {
        PUT(put_byte(w, at, 4));
        PUT(put_user_account(w, at, (pipeline___risk___records___UserAccountObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___FirmState) {
        PUT(put_byte(w, at, 6));
        PUT(put_firm_state(w, at, (pipeline___risk___records___FirmStateObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___FeeSchedule) {
        PUT(put_byte(w, at, 8));
        PUT(put_fee_schedule(w, at, (pipeline___risk___records___FeeScheduleObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___Policy) {
        PUT(put_byte(w, at, 10));
        PUT(put_policy(w, at, (pipeline___risk___records___PolicyObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___DayClose) {
        PUT(put_byte(w, at, 12));
        PUT(put_day_close(w, at, (pipeline___risk___records___DayCloseObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___CoreVersion) {
        PUT(put_byte(w, at, 14));
        PUT(put_core_version(w, at, (pipeline___risk___records___CoreVersionObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___CheckLimit) {
        PUT(put_byte(w, at, 16));
        PUT(put_check_limit(w, at, (pipeline___risk___records___CheckLimitObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___CheckPolicy) {
        PUT(put_byte(w, at, 18));
        PUT(put_check_policy(w, at, (pipeline___risk___records___CheckPolicyObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___ScopeState) {
        PUT(put_byte(w, at, 20));
        PUT(put_scope_state(w, at, (pipeline___risk___records___ScopeStateObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___Release) {
        PUT(put_byte(w, at, 22));
        PUT(put_release(w, at, (pipeline___risk___records___ReleaseObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___Restriction) {
        PUT(put_byte(w, at, 24));
        PUT(put_restriction(w, at, (pipeline___risk___records___RestrictionObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___SessionCalendar) {
        PUT(put_byte(w, at, 26));
        PUT(put_session_calendar(w, at, (pipeline___risk___records___SessionCalendarObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___Listing) {
        PUT(put_byte(w, at, 28));
        PUT(put_listing(w, at, (pipeline___risk___records___ListingObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___Rule) {
        PUT(put_byte(w, at, 30));
        PUT(put_rule(w, at, (pipeline___risk___records___RuleObject *)v->_payload));
    } else if (Py_TYPE(v->_payload) == CPyType_records___Collateral) {
        PUT(put_byte(w, at, 32));
        PUT(put_collateral(w, at, (pipeline___risk___records___CollateralObject *)v->_payload));
    }
    return at;
}

char CPyDef_avro___write_control(PyObject *w, PyObject *v) {
    return written(w, put_control((Writer *)w, START(w), (pipeline___risk___records___ControlObject *)v));
}

static PyObject *get_control(Cursor *r) {
    CPyTagged event_time = get_long(r);
    PyObject *source_system_id = get_recurring(r);
    PyObject *tenant_id = get_recurring(r);
    CPyTagged number = get_long(r);
    CPyTagged version = get_long(r);
    PyObject *proposer = get_string(r);
    PyObject *approver = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *reason = get_string(r);
    CPyTagged effective_from = get_long(r);
    PyObject *signature = get_present(r) ? get_bytes(r) : Py_NewRef(Py_None);
    PyObject *payload = NULL;
    switch (get_index(r, 17)) {
    case 0:
        payload = get_instrument(r);
        break;
    case 1:
        payload = get_limits(r);
        break;
    case 2:
        payload = get_user_account(r);
        break;
    case 3:
        payload = get_firm_state(r);
        break;
    case 4:
        payload = get_fee_schedule(r);
        break;
    case 5:
        payload = get_policy(r);
        break;
    case 6:
        payload = get_day_close(r);
        break;
    case 7:
        payload = get_core_version(r);
        break;
    case 8:
        payload = get_check_limit(r);
        break;
    case 9:
        payload = get_check_policy(r);
        break;
    case 10:
        payload = get_scope_state(r);
        break;
    case 11:
        payload = get_release(r);
        break;
    case 12:
        payload = get_restriction(r);
        break;
    case 13:
        payload = get_session_calendar(r);
        break;
    case 14:
        payload = get_listing(r);
        break;
    case 15:
        payload = get_rule(r);
        break;
    case 16:
        payload = get_collateral(r);
        break;
    }
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Control(event_time, source_system_id, tenant_id, number, version, proposer, approver, reason, effective_from, signature, payload));
    CPyTagged_DECREF(event_time);
    Py_XDECREF(source_system_id);
    Py_XDECREF(tenant_id);
    CPyTagged_DECREF(number);
    CPyTagged_DECREF(version);
    Py_XDECREF(proposer);
    Py_XDECREF(approver);
    Py_XDECREF(reason);
    CPyTagged_DECREF(effective_from);
    Py_XDECREF(signature);
    Py_XDECREF(payload);
    return v;
}

PyObject *CPyDef_avro___decode_control(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_control(&r));
}

/* -- check_result */

static char *put_check_result_fields(Writer *w, char *at, pipeline___risk___records___CheckResultObject *v) {
    PUT(put_string(w, at, v->_check));
    PUT(put_long(w, at, v->_result));
    PUT(put_optional_string(w, at, v->_reason_code));
    PUT(put_optional_number(w, at, v->_observed));
    PUT(put_optional_number(w, at, v->_limit));
    PUT(put_optional_number(w, at, v->_limit_version));
    PUT(put_optional_number(w, at, v->_headroom));
    return at;
}

static char *put_check_result(Writer *w, char *at, pipeline___risk___records___CheckResultObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    if (v->_encoded != NULL && v->_encoded != Py_None) {
        return put_encoded(w, at, v->_encoded);
    }
    Py_ssize_t start = at - w->buf;
    at = put_check_result_fields(w, at, v);
    if (at != NULL && v->_kept == 1) {
        Py_ssize_t length = at - w->buf - start;
        PyObject *encoded = PyBytes_FromStringAndSize(w->buf + start, length);
        if (encoded == NULL) {
            return NULL;
        }
        Py_XSETREF(v->_encoded, encoded);
    }
    return at;
}

char CPyDef_avro___write_check_result(PyObject *w, PyObject *v) {
    return written(w, put_check_result((Writer *)w, START(w), (pipeline___risk___records___CheckResultObject *)v));
}

static PyObject *get_check_result(Cursor *r) {
    PyObject *check = get_recurring(r);
    CPyTagged result = get_symbol(r, 5);
    PyObject *reason_code = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *observed = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *limit = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *limit_version = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *headroom = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___CheckResult(check, result, reason_code, observed, limit, limit_version, headroom));
    Py_XDECREF(check);
    CPyTagged_DECREF(result);
    Py_XDECREF(reason_code);
    Py_XDECREF(observed);
    Py_XDECREF(limit);
    Py_XDECREF(limit_version);
    Py_XDECREF(headroom);
    return v;
}

PyObject *CPyDef_avro___decode_check_result(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    Py_ssize_t start = r.at;
    PyObject *v = finished(&r, get_check_result(&r));
    if (v != NULL && r.canonical) {
        PyObject *encoded = body_from(data, start);
        if (encoded == NULL) {
            Py_DECREF(v);
            return NULL;
        }
        Py_XSETREF(((pipeline___risk___records___CheckResultObject *)v)->_encoded, encoded);
    }
    return v;
}

/* -- cover */

static char *put_cover(Writer *w, char *at, pipeline___risk___records___CoverObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_currency));
    PUT(put_long(w, at, v->_covered_minor));
    PUT(put_long(w, at, v->_pledged_minor));
    PUT(put_long(w, at, v->_haircut_bps));
    PUT(put_long(w, at, v->_collateral_version));
    PUT(put_string(w, at, v->_fx_instrument_id));
    PUT(put_long(w, at, v->_fx_price_e9));
    PUT(put_long(w, at, v->_fx_as_of));
    return at;
}

char CPyDef_avro___write_cover(PyObject *w, PyObject *v) {
    return written(w, put_cover((Writer *)w, START(w), (pipeline___risk___records___CoverObject *)v));
}

static PyObject *get_cover(Cursor *r) {
    PyObject *currency = get_recurring(r);
    CPyTagged covered_minor = get_long(r);
    CPyTagged pledged_minor = get_long(r);
    CPyTagged haircut_bps = get_long(r);
    CPyTagged collateral_version = get_long(r);
    PyObject *fx_instrument_id = get_string(r);
    CPyTagged fx_price_e9 = get_long(r);
    CPyTagged fx_as_of = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Cover(currency, covered_minor, pledged_minor, haircut_bps, collateral_version, fx_instrument_id, fx_price_e9, fx_as_of));
    Py_XDECREF(currency);
    CPyTagged_DECREF(covered_minor);
    CPyTagged_DECREF(pledged_minor);
    CPyTagged_DECREF(haircut_bps);
    CPyTagged_DECREF(collateral_version);
    Py_XDECREF(fx_instrument_id);
    CPyTagged_DECREF(fx_price_e9);
    CPyTagged_DECREF(fx_as_of);
    return v;
}

PyObject *CPyDef_avro___decode_cover(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_cover(&r));
}

/* -- decision */

static char *put_decision(Writer *w, char *at, pipeline___risk___records___DecisionObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_gate_time));
    PUT(put_long(w, at, v->_event_time));
    PUT(put_string(w, at, v->_source_system_id));
    PUT(put_string(w, at, v->_tenant_id));
    PUT(put_string(w, at, v->_user_id));
    PUT(put_string(w, at, v->_order_id));
    PUT(put_optional_string(w, at, v->_orig_order_id));
    PUT(put_long(w, at, v->_action));
    PUT(put_long(w, at, v->_origin));
    PUT(put_long(w, at, v->_verdict));
    PUT(put_string(w, at, v->_reason_code));
    PUT(put_string(w, at, v->_reason_text));
    PUT(put_optional_number(w, at, v->_ord_rej_reason));
    PUT(put_long(w, at, v->_lane));
    PUT(put_long(w, at, v->_lane_sequence));
    PUT(put_optional_number(w, at, v->_duplicate_of));
    PUT(put_string(w, at, v->_source_topic));
    PUT(put_long(w, at, v->_source_offset));
    PUT(put_long(w, at, v->_control_number));
    PUT(put_long(w, at, v->_core_version));
    if (unlikely(v->_checks == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_checks) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_checks) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_checks); i++) {
            PyObject *checks_item = PyList_GET_ITEM(v->_checks, i);
            PUT(put_check_result(w, at, (pipeline___risk___records___CheckResultObject *)checks_item));
        }
    }
    PUT(put_byte(w, at, 0));
    PUT(put_optional_string(w, at, v->_hold_currency));
    PUT(put_long(w, at, v->_hold_minor));
    PUT(put_optional_number(w, at, v->_protection_price_e9));
    PUT(put_optional_string(w, at, v->_fx_instrument_id));
    PUT(put_optional_number(w, at, v->_fx_price_e9));
    PUT(put_optional_number(w, at, v->_fx_as_of));
    if (unlikely(v->_cover == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_cover) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_cover) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_cover); i++) {
            PyObject *cover_item = PyList_GET_ITEM(v->_cover, i);
            PUT(put_cover(w, at, (pipeline___risk___records___CoverObject *)cover_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (v->_order == Py_None) {
        PUT(put_byte(w, at, 0));
    } else {
        PUT(put_byte(w, at, 2));
        PUT(put_order(w, at, (pipeline___risk___records___OrderObject *)v->_order));
    }
    PUT(put_optional_string(w, at, v->_traceparent));
    PUT(put_optional_number(w, at, v->_passing_lots_max));
    return at;
}

char CPyDef_avro___write_decision(PyObject *w, PyObject *v) {
    return written(w, put_decision((Writer *)w, START(w), (pipeline___risk___records___DecisionObject *)v));
}

static PyObject *get_decision(Cursor *r) {
    CPyTagged gate_time = get_long(r);
    CPyTagged event_time = get_long(r);
    PyObject *source_system_id = get_recurring(r);
    PyObject *tenant_id = get_recurring(r);
    PyObject *user_id = get_recurring(r);
    PyObject *order_id = get_string(r);
    PyObject *orig_order_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    CPyTagged action = get_symbol(r, 3);
    CPyTagged origin = get_symbol(r, 3);
    CPyTagged verdict = get_symbol(r, 2);
    PyObject *reason_code = get_recurring(r);
    PyObject *reason_text = get_recurring(r);
    PyObject *ord_rej_reason = get_present(r) ? get_int_object(r) : Py_NewRef(Py_None);
    CPyTagged lane = get_int(r);
    CPyTagged lane_sequence = get_long(r);
    PyObject *duplicate_of = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *source_topic = get_recurring(r);
    CPyTagged source_offset = get_long(r);
    CPyTagged control_number = get_long(r);
    CPyTagged core_version = get_int(r);
    PyObject *checks = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, checks, get_check_result(r));
        }
    }
    PyObject *hold_currency = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    CPyTagged hold_minor = get_long(r);
    PyObject *protection_price_e9 = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *fx_instrument_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *fx_price_e9 = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *fx_as_of = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *cover = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, cover, get_cover(r));
        }
    }
    PyObject *order = get_present(r) ? get_order(r) : Py_NewRef(Py_None);
    PyObject *traceparent = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *passing_lots_max = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___Decision(gate_time, event_time, source_system_id, tenant_id, user_id, order_id, orig_order_id, action, origin, verdict, reason_code, reason_text, ord_rej_reason, lane, lane_sequence, duplicate_of, source_topic, source_offset, control_number, core_version, checks, hold_currency, hold_minor, protection_price_e9, fx_instrument_id, fx_price_e9, fx_as_of, cover, order, traceparent, passing_lots_max));
    CPyTagged_DECREF(gate_time);
    CPyTagged_DECREF(event_time);
    Py_XDECREF(source_system_id);
    Py_XDECREF(tenant_id);
    Py_XDECREF(user_id);
    Py_XDECREF(order_id);
    Py_XDECREF(orig_order_id);
    CPyTagged_DECREF(action);
    CPyTagged_DECREF(origin);
    CPyTagged_DECREF(verdict);
    Py_XDECREF(reason_code);
    Py_XDECREF(reason_text);
    Py_XDECREF(ord_rej_reason);
    CPyTagged_DECREF(lane);
    CPyTagged_DECREF(lane_sequence);
    Py_XDECREF(duplicate_of);
    Py_XDECREF(source_topic);
    CPyTagged_DECREF(source_offset);
    CPyTagged_DECREF(control_number);
    CPyTagged_DECREF(core_version);
    Py_XDECREF(checks);
    Py_XDECREF(hold_currency);
    CPyTagged_DECREF(hold_minor);
    Py_XDECREF(protection_price_e9);
    Py_XDECREF(fx_instrument_id);
    Py_XDECREF(fx_price_e9);
    Py_XDECREF(fx_as_of);
    Py_XDECREF(cover);
    Py_XDECREF(order);
    Py_XDECREF(traceparent);
    Py_XDECREF(passing_lots_max);
    return v;
}

PyObject *CPyDef_avro___decode_decision(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_decision(&r));
}

/* -- audit_record */

static char *put_audit_record_fields(Writer *w, char *at, CPyTagged lane, CPyTagged lane_sequence, PyObject *previous_hash, PyObject *source_topic, CPyTagged source_partition, CPyTagged source_offset, CPyTagged record_time, PyObject *key, PyObject *value, PyObject *oversized_length, PyObject *oversized_sha256, PyObject *traceparent, CPyTagged gate_time, char out_of_sync, CPyTagged core_version, CPyTagged control_number, CPyTagged outcome, PyObject *reason_code, PyObject *swept, PyObject *decision, PyObject *outputs_digest, PyObject *state_digest) {
    PUT(put_long(w, at, lane));
    PUT(put_long(w, at, lane_sequence));
    PUT(put_bytes(w, at, previous_hash));
    PUT(put_string(w, at, source_topic));
    PUT(put_long(w, at, source_partition));
    PUT(put_long(w, at, source_offset));
    PUT(put_long(w, at, record_time));
    PUT(put_optional_bytes(w, at, key));
    PUT(put_optional_bytes(w, at, value));
    PUT(put_optional_number(w, at, oversized_length));
    PUT(put_optional_bytes(w, at, oversized_sha256));
    PUT(put_optional_string(w, at, traceparent));
    PUT(put_long(w, at, gate_time));
    PUT(put_boolean(w, at, out_of_sync));
    PUT(put_long(w, at, core_version));
    PUT(put_long(w, at, control_number));
    PUT(put_long(w, at, outcome));
    PUT(put_string(w, at, reason_code));
    if (unlikely(swept == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(swept) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(swept) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(swept); i++) {
            PyObject *swept_item = PyList_GET_ITEM(swept, i);
            PUT(put_bytes(w, at, swept_item));
        }
    }
    PUT(put_byte(w, at, 0));
    PUT(put_optional_bytes(w, at, decision));
    PUT(put_bytes(w, at, outputs_digest));
    PUT(put_bytes(w, at, state_digest));
    return at;
}

static char *put_audit_record(Writer *w, char *at, pipeline___risk___records___AuditRecordObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    return put_audit_record_fields(w, at, v->_lane, v->_lane_sequence, v->_previous_hash, v->_source_topic, v->_source_partition, v->_source_offset, v->_record_time, v->_key, v->_value, v->_oversized_length, v->_oversized_sha256, v->_traceparent, v->_gate_time, v->_out_of_sync, v->_core_version, v->_control_number, v->_outcome, v->_reason_code, v->_swept, v->_decision, v->_outputs_digest, v->_state_digest);
}

char CPyDef_avro___write_audit_record_of(PyObject *w, CPyTagged lane, CPyTagged lane_sequence, PyObject *previous_hash, PyObject *source_topic, CPyTagged source_partition, CPyTagged source_offset, CPyTagged record_time, PyObject *key, PyObject *value, PyObject *oversized_length, PyObject *oversized_sha256, PyObject *traceparent, CPyTagged gate_time, char out_of_sync, CPyTagged core_version, CPyTagged control_number, CPyTagged outcome, PyObject *reason_code, PyObject *swept, PyObject *decision, PyObject *outputs_digest, PyObject *state_digest) {
    return written(w, put_audit_record_fields((Writer *)w, START(w), lane, lane_sequence, previous_hash, source_topic, source_partition, source_offset, record_time, key, value, oversized_length, oversized_sha256, traceparent, gate_time, out_of_sync, core_version, control_number, outcome, reason_code, swept, decision, outputs_digest, state_digest));
}

char CPyDef_avro___write_audit_record(PyObject *w, PyObject *v) {
    return written(w, put_audit_record((Writer *)w, START(w), (pipeline___risk___records___AuditRecordObject *)v));
}

static PyObject *get_audit_record(Cursor *r) {
    CPyTagged lane = get_int(r);
    CPyTagged lane_sequence = get_long(r);
    PyObject *previous_hash = get_bytes(r);
    PyObject *source_topic = get_recurring(r);
    CPyTagged source_partition = get_int(r);
    CPyTagged source_offset = get_long(r);
    CPyTagged record_time = get_long(r);
    PyObject *key = get_present(r) ? get_bytes(r) : Py_NewRef(Py_None);
    PyObject *value = get_present(r) ? get_bytes(r) : Py_NewRef(Py_None);
    PyObject *oversized_length = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *oversized_sha256 = get_present(r) ? get_bytes(r) : Py_NewRef(Py_None);
    PyObject *traceparent = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    CPyTagged gate_time = get_long(r);
    char out_of_sync = get_boolean(r);
    CPyTagged core_version = get_int(r);
    CPyTagged control_number = get_long(r);
    CPyTagged outcome = get_symbol(r, 4);
    PyObject *reason_code = get_recurring(r);
    PyObject *swept = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, swept, get_bytes(r));
        }
    }
    PyObject *decision = get_present(r) ? get_bytes(r) : Py_NewRef(Py_None);
    PyObject *outputs_digest = get_bytes(r);
    PyObject *state_digest = get_bytes(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___AuditRecord(lane, lane_sequence, previous_hash, source_topic, source_partition, source_offset, record_time, key, value, oversized_length, oversized_sha256, traceparent, gate_time, out_of_sync, core_version, control_number, outcome, reason_code, swept, decision, outputs_digest, state_digest));
    CPyTagged_DECREF(lane);
    CPyTagged_DECREF(lane_sequence);
    Py_XDECREF(previous_hash);
    Py_XDECREF(source_topic);
    CPyTagged_DECREF(source_partition);
    CPyTagged_DECREF(source_offset);
    CPyTagged_DECREF(record_time);
    Py_XDECREF(key);
    Py_XDECREF(value);
    Py_XDECREF(oversized_length);
    Py_XDECREF(oversized_sha256);
    Py_XDECREF(traceparent);
    CPyTagged_DECREF(gate_time);
    CPyTagged_DECREF(core_version);
    CPyTagged_DECREF(control_number);
    CPyTagged_DECREF(outcome);
    Py_XDECREF(reason_code);
    Py_XDECREF(swept);
    Py_XDECREF(decision);
    Py_XDECREF(outputs_digest);
    Py_XDECREF(state_digest);
    return v;
}

PyObject *CPyDef_avro___decode_audit_record(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_audit_record(&r));
}

/* -- regulatory_event */

static char *put_regulatory_event(Writer *w, char *at, pipeline___risk___records___RegulatoryEventObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_tenant_id));
    PUT(put_long(w, at, v->_business_day));
    PUT(put_string(w, at, v->_event_type));
    PUT(put_long(w, at, v->_gate_time));
    PUT(put_long(w, at, v->_event_time));
    PUT(put_optional_string(w, at, v->_user_id));
    PUT(put_optional_string(w, at, v->_order_id));
    PUT(put_optional_string(w, at, v->_orig_order_id));
    PUT(put_optional_string(w, at, v->_instrument_id));
    PUT(put_optional_number(w, at, v->_side));
    PUT(put_optional_number(w, at, v->_order_type));
    PUT(put_optional_number(w, at, v->_time_in_force));
    PUT(put_long(w, at, v->_quantity_lots));
    PUT(put_optional_number(w, at, v->_price_e9));
    PUT(put_optional_string(w, at, v->_trader_id));
    PUT(put_optional_string(w, at, v->_algo_id));
    PUT(put_optional_string(w, at, v->_desk_id));
    PUT(put_optional_string(w, at, v->_counterparty_id));
    PUT(put_optional_string(w, at, v->_exec_id));
    PUT(put_optional_string(w, at, v->_venue));
    PUT(put_long(w, at, v->_last_lots));
    PUT(put_optional_number(w, at, v->_last_price_e9));
    PUT(put_optional_string(w, at, v->_currency));
    PUT(put_optional_number(w, at, v->_amount_minor));
    PUT(put_string(w, at, v->_reason_code));
    PUT(put_long(w, at, v->_lane));
    PUT(put_long(w, at, v->_lane_sequence));
    PUT(put_string(w, at, v->_source_topic));
    PUT(put_long(w, at, v->_source_offset));
    PUT(put_bytes(w, at, v->_input_hash));
    PUT(put_optional_number(w, at, v->_lane_count));
    PUT(put_optional_number(w, at, v->_day_event_count));
    return at;
}

char CPyDef_avro___write_regulatory_event(PyObject *w, PyObject *v) {
    return written(w, put_regulatory_event((Writer *)w, START(w), (pipeline___risk___records___RegulatoryEventObject *)v));
}

static PyObject *get_regulatory_event(Cursor *r) {
    PyObject *tenant_id = get_recurring(r);
    CPyTagged business_day = get_int(r);
    PyObject *event_type = get_recurring(r);
    CPyTagged gate_time = get_long(r);
    CPyTagged event_time = get_long(r);
    PyObject *user_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *order_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *orig_order_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *instrument_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *side = get_present(r) ? get_symbol_object(r, 2) : Py_NewRef(Py_None);
    PyObject *order_type = get_present(r) ? get_symbol_object(r, 2) : Py_NewRef(Py_None);
    PyObject *time_in_force = get_present(r) ? get_symbol_object(r, 4) : Py_NewRef(Py_None);
    CPyTagged quantity_lots = get_long(r);
    PyObject *price_e9 = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *trader_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *algo_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *desk_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *counterparty_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *exec_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *venue = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    CPyTagged last_lots = get_long(r);
    PyObject *last_price_e9 = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *currency = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *amount_minor = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *reason_code = get_recurring(r);
    CPyTagged lane = get_int(r);
    CPyTagged lane_sequence = get_long(r);
    PyObject *source_topic = get_recurring(r);
    CPyTagged source_offset = get_long(r);
    PyObject *input_hash = get_bytes(r);
    PyObject *lane_count = get_present(r) ? get_int_object(r) : Py_NewRef(Py_None);
    PyObject *day_event_count = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RegulatoryEvent(tenant_id, business_day, event_type, gate_time, event_time, user_id, order_id, orig_order_id, instrument_id, side, order_type, time_in_force, quantity_lots, price_e9, trader_id, algo_id, desk_id, counterparty_id, exec_id, venue, last_lots, last_price_e9, currency, amount_minor, reason_code, lane, lane_sequence, source_topic, source_offset, input_hash, lane_count, day_event_count));
    Py_XDECREF(tenant_id);
    CPyTagged_DECREF(business_day);
    Py_XDECREF(event_type);
    CPyTagged_DECREF(gate_time);
    CPyTagged_DECREF(event_time);
    Py_XDECREF(user_id);
    Py_XDECREF(order_id);
    Py_XDECREF(orig_order_id);
    Py_XDECREF(instrument_id);
    Py_XDECREF(side);
    Py_XDECREF(order_type);
    Py_XDECREF(time_in_force);
    CPyTagged_DECREF(quantity_lots);
    Py_XDECREF(price_e9);
    Py_XDECREF(trader_id);
    Py_XDECREF(algo_id);
    Py_XDECREF(desk_id);
    Py_XDECREF(counterparty_id);
    Py_XDECREF(exec_id);
    Py_XDECREF(venue);
    CPyTagged_DECREF(last_lots);
    Py_XDECREF(last_price_e9);
    Py_XDECREF(currency);
    Py_XDECREF(amount_minor);
    Py_XDECREF(reason_code);
    CPyTagged_DECREF(lane);
    CPyTagged_DECREF(lane_sequence);
    Py_XDECREF(source_topic);
    CPyTagged_DECREF(source_offset);
    Py_XDECREF(input_hash);
    Py_XDECREF(lane_count);
    Py_XDECREF(day_event_count);
    return v;
}

PyObject *CPyDef_avro___decode_regulatory_event(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_regulatory_event(&r));
}

/* -- dead_letter */

static char *put_dead_letter(Writer *w, char *at, pipeline___risk___records___DeadLetterObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_gate_time));
    PUT(put_string(w, at, v->_reason_code));
    PUT(put_string(w, at, v->_reason_text));
    PUT(put_string(w, at, v->_source_topic));
    PUT(put_long(w, at, v->_source_partition));
    PUT(put_long(w, at, v->_source_offset));
    PUT(put_long(w, at, v->_record_time));
    PUT(put_long(w, at, v->_lane));
    PUT(put_long(w, at, v->_lane_sequence));
    PUT(put_optional_bytes(w, at, v->_key));
    PUT(put_optional_bytes(w, at, v->_value));
    PUT(put_long(w, at, v->_value_length));
    PUT(put_bytes(w, at, v->_value_sha256));
    return at;
}

char CPyDef_avro___write_dead_letter(PyObject *w, PyObject *v) {
    return written(w, put_dead_letter((Writer *)w, START(w), (pipeline___risk___records___DeadLetterObject *)v));
}

static PyObject *get_dead_letter(Cursor *r) {
    CPyTagged gate_time = get_long(r);
    PyObject *reason_code = get_recurring(r);
    PyObject *reason_text = get_recurring(r);
    PyObject *source_topic = get_recurring(r);
    CPyTagged source_partition = get_int(r);
    CPyTagged source_offset = get_long(r);
    CPyTagged record_time = get_long(r);
    CPyTagged lane = get_int(r);
    CPyTagged lane_sequence = get_long(r);
    PyObject *key = get_present(r) ? get_bytes(r) : Py_NewRef(Py_None);
    PyObject *value = get_present(r) ? get_bytes(r) : Py_NewRef(Py_None);
    CPyTagged value_length = get_long(r);
    PyObject *value_sha256 = get_bytes(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___DeadLetter(gate_time, reason_code, reason_text, source_topic, source_partition, source_offset, record_time, lane, lane_sequence, key, value, value_length, value_sha256));
    CPyTagged_DECREF(gate_time);
    Py_XDECREF(reason_code);
    Py_XDECREF(reason_text);
    Py_XDECREF(source_topic);
    CPyTagged_DECREF(source_partition);
    CPyTagged_DECREF(source_offset);
    CPyTagged_DECREF(record_time);
    CPyTagged_DECREF(lane);
    CPyTagged_DECREF(lane_sequence);
    Py_XDECREF(key);
    Py_XDECREF(value);
    CPyTagged_DECREF(value_length);
    Py_XDECREF(value_sha256);
    return v;
}

PyObject *CPyDef_avro___decode_dead_letter(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_dead_letter(&r));
}

/* -- regulatory_report */

static char *put_regulatory_report(Writer *w, char *at, pipeline___risk___records___RegulatoryReportObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_report_id));
    PUT(put_string(w, at, v->_kind));
    PUT(put_string(w, at, v->_tenant_id));
    PUT(put_long(w, at, v->_business_day));
    PUT(put_long(w, at, v->_part));
    PUT(put_long(w, at, v->_parts));
    PUT(put_long(w, at, v->_event_count));
    PUT(put_string(w, at, v->_content_type));
    PUT(put_bytes(w, at, v->_content));
    PUT(put_bytes(w, at, v->_content_sha256));
    return at;
}

char CPyDef_avro___write_regulatory_report(PyObject *w, PyObject *v) {
    return written(w, put_regulatory_report((Writer *)w, START(w), (pipeline___risk___records___RegulatoryReportObject *)v));
}

static PyObject *get_regulatory_report(Cursor *r) {
    PyObject *report_id = get_string(r);
    PyObject *kind = get_string(r);
    PyObject *tenant_id = get_recurring(r);
    CPyTagged business_day = get_int(r);
    CPyTagged part = get_int(r);
    CPyTagged parts = get_int(r);
    CPyTagged event_count = get_long(r);
    PyObject *content_type = get_string(r);
    PyObject *content = get_bytes(r);
    PyObject *content_sha256 = get_bytes(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RegulatoryReport(report_id, kind, tenant_id, business_day, part, parts, event_count, content_type, content, content_sha256));
    Py_XDECREF(report_id);
    Py_XDECREF(kind);
    Py_XDECREF(tenant_id);
    CPyTagged_DECREF(business_day);
    CPyTagged_DECREF(part);
    CPyTagged_DECREF(parts);
    CPyTagged_DECREF(event_count);
    Py_XDECREF(content_type);
    Py_XDECREF(content);
    Py_XDECREF(content_sha256);
    return v;
}

PyObject *CPyDef_avro___decode_regulatory_report(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_regulatory_report(&r));
}

/* -- row_user */

static char *put_row_user(Writer *w, char *at, pipeline___risk___records___RowUserObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_boolean(w, at, v->_registered));
    PUT(put_string(w, at, v->_account_tenant_id));
    PUT(put_string(w, at, v->_tier_id));
    PUT(put_long(w, at, v->_trading_state));
    PUT(put_long(w, at, v->_version));
    PUT(put_long(w, at, v->_orders_count));
    PUT(put_long(w, at, v->_messages_count));
    PUT(put_long(w, at, v->_open_orders_count));
    PUT(put_long(w, at, v->_deficit_count));
    PUT(put_long(w, at, v->_rate_bucket));
    if (unlikely(v->_rate_counts == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_rate_counts) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_rate_counts) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_rate_counts); i++) {
            PyObject *rate_counts_item = PyList_GET_ITEM(v->_rate_counts, i);
            PUT(put_number(w, at, rate_counts_item));
        }
    }
    PUT(put_byte(w, at, 0));
    PUT(put_long(w, at, v->_activity_day));
    PUT(put_long(w, at, v->_messages_today));
    PUT(put_long(w, at, v->_trades_today));
    PUT(put_long(w, at, v->_instant_cancels_today));
    PUT(put_long(w, at, v->_pushes_today));
    PUT(put_long(w, at, v->_message_bucket));
    if (unlikely(v->_message_counts == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_message_counts) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_message_counts) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_message_counts); i++) {
            PyObject *message_counts_item = PyList_GET_ITEM(v->_message_counts, i);
            PUT(put_number(w, at, message_counts_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (unlikely(v->_latched == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_latched) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_latched) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_latched); i++) {
            PyObject *latched_item = PyList_GET_ITEM(v->_latched, i);
            PUT(put_string(w, at, latched_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (unlikely(v->_halted_by == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_halted_by) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_halted_by) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_halted_by); i++) {
            PyObject *halted_by_item = PyList_GET_ITEM(v->_halted_by, i);
            PUT(put_string(w, at, halted_by_item));
        }
    }
    PUT(put_byte(w, at, 0));
    return at;
}

char CPyDef_avro___write_row_user(PyObject *w, PyObject *v) {
    return written(w, put_row_user((Writer *)w, START(w), (pipeline___risk___records___RowUserObject *)v));
}

static PyObject *get_row_user(Cursor *r) {
    char registered = get_boolean(r);
    PyObject *account_tenant_id = get_recurring(r);
    PyObject *tier_id = get_recurring(r);
    CPyTagged trading_state = get_symbol(r, 3);
    CPyTagged version = get_long(r);
    CPyTagged orders_count = get_long(r);
    CPyTagged messages_count = get_long(r);
    CPyTagged open_orders_count = get_long(r);
    CPyTagged deficit_count = get_long(r);
    CPyTagged rate_bucket = get_long(r);
    PyObject *rate_counts = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, rate_counts, get_int_object(r));
        }
    }
    CPyTagged activity_day = get_int(r);
    CPyTagged messages_today = get_long(r);
    CPyTagged trades_today = get_long(r);
    CPyTagged instant_cancels_today = get_long(r);
    CPyTagged pushes_today = get_long(r);
    CPyTagged message_bucket = get_long(r);
    PyObject *message_counts = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, message_counts, get_int_object(r));
        }
    }
    PyObject *latched = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, latched, get_string(r));
        }
    }
    PyObject *halted_by = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, halted_by, get_string(r));
        }
    }
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowUser(registered, account_tenant_id, tier_id, trading_state, version, orders_count, messages_count, open_orders_count, deficit_count, rate_bucket, rate_counts, activity_day, messages_today, trades_today, instant_cancels_today, pushes_today, message_bucket, message_counts, latched, halted_by));
    Py_XDECREF(account_tenant_id);
    Py_XDECREF(tier_id);
    CPyTagged_DECREF(trading_state);
    CPyTagged_DECREF(version);
    CPyTagged_DECREF(orders_count);
    CPyTagged_DECREF(messages_count);
    CPyTagged_DECREF(open_orders_count);
    CPyTagged_DECREF(deficit_count);
    CPyTagged_DECREF(rate_bucket);
    Py_XDECREF(rate_counts);
    CPyTagged_DECREF(activity_day);
    CPyTagged_DECREF(messages_today);
    CPyTagged_DECREF(trades_today);
    CPyTagged_DECREF(instant_cancels_today);
    CPyTagged_DECREF(pushes_today);
    CPyTagged_DECREF(message_bucket);
    Py_XDECREF(message_counts);
    Py_XDECREF(latched);
    Py_XDECREF(halted_by);
    return v;
}

PyObject *CPyDef_avro___decode_row_user(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_user(&r));
}

/* -- row_balance */

static char *put_row_balance(Writer *w, char *at, pipeline___risk___records___RowBalanceObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_cash_minor));
    PUT(put_long(w, at, v->_held_minor));
    PUT(put_long(w, at, v->_deposited_minor));
    PUT(put_long(w, at, v->_withdrawn_minor));
    PUT(put_long(w, at, v->_adjusted_minor));
    PUT(put_long(w, at, v->_traded_minor));
    PUT(put_long(w, at, v->_fees_minor));
    PUT(put_long(w, at, v->_pending_withdrawals_minor));
    PUT(put_long(w, at, v->_covered_minor));
    if (unlikely(v->_covered_by == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_covered_by) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_covered_by) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_covered_by); i++) {
            PyObject *covered_by_item = PyList_GET_ITEM(v->_covered_by, i);
            PUT(put_string(w, at, covered_by_item));
        }
    }
    PUT(put_byte(w, at, 0));
    PUT(put_long(w, at, v->_pledged_minor));
    return at;
}

char CPyDef_avro___write_row_balance(PyObject *w, PyObject *v) {
    return written(w, put_row_balance((Writer *)w, START(w), (pipeline___risk___records___RowBalanceObject *)v));
}

static PyObject *get_row_balance(Cursor *r) {
    CPyTagged cash_minor = get_long(r);
    CPyTagged held_minor = get_long(r);
    CPyTagged deposited_minor = get_long(r);
    CPyTagged withdrawn_minor = get_long(r);
    CPyTagged adjusted_minor = get_long(r);
    CPyTagged traded_minor = get_long(r);
    CPyTagged fees_minor = get_long(r);
    CPyTagged pending_withdrawals_minor = get_long(r);
    CPyTagged covered_minor = get_long(r);
    PyObject *covered_by = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, covered_by, get_string(r));
        }
    }
    CPyTagged pledged_minor = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowBalance(cash_minor, held_minor, deposited_minor, withdrawn_minor, adjusted_minor, traded_minor, fees_minor, pending_withdrawals_minor, covered_minor, covered_by, pledged_minor));
    CPyTagged_DECREF(cash_minor);
    CPyTagged_DECREF(held_minor);
    CPyTagged_DECREF(deposited_minor);
    CPyTagged_DECREF(withdrawn_minor);
    CPyTagged_DECREF(adjusted_minor);
    CPyTagged_DECREF(traded_minor);
    CPyTagged_DECREF(fees_minor);
    CPyTagged_DECREF(pending_withdrawals_minor);
    CPyTagged_DECREF(covered_minor);
    Py_XDECREF(covered_by);
    CPyTagged_DECREF(pledged_minor);
    return v;
}

PyObject *CPyDef_avro___decode_row_balance(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_balance(&r));
}

/* -- row_position */

static char *put_row_position(Writer *w, char *at, pipeline___risk___records___RowPositionObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_position_lots));
    PUT(put_long(w, at, v->_working_buy_lots));
    PUT(put_long(w, at, v->_working_sell_lots));
    PUT(put_long(w, at, v->_margin_minor));
    PUT(put_string(w, at, v->_margin_currency));
    PUT(put_long(w, at, v->_open_cost_e9));
    PUT(put_long(w, at, v->_settled_on));
    return at;
}

char CPyDef_avro___write_row_position(PyObject *w, PyObject *v) {
    return written(w, put_row_position((Writer *)w, START(w), (pipeline___risk___records___RowPositionObject *)v));
}

static PyObject *get_row_position(Cursor *r) {
    CPyTagged position_lots = get_long(r);
    CPyTagged working_buy_lots = get_long(r);
    CPyTagged working_sell_lots = get_long(r);
    CPyTagged margin_minor = get_long(r);
    PyObject *margin_currency = get_recurring(r);
    CPyTagged open_cost_e9 = get_long(r);
    CPyTagged settled_on = get_int(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowPosition(position_lots, working_buy_lots, working_sell_lots, margin_minor, margin_currency, open_cost_e9, settled_on));
    CPyTagged_DECREF(position_lots);
    CPyTagged_DECREF(working_buy_lots);
    CPyTagged_DECREF(working_sell_lots);
    CPyTagged_DECREF(margin_minor);
    Py_XDECREF(margin_currency);
    CPyTagged_DECREF(open_cost_e9);
    CPyTagged_DECREF(settled_on);
    return v;
}

PyObject *CPyDef_avro___decode_row_position(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_position(&r));
}

/* -- row_order */

static char *put_row_order(Writer *w, char *at, pipeline___risk___records___RowOrderObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_tenant_id));
    PUT(put_string(w, at, v->_instrument_id));
    PUT(put_long(w, at, v->_side));
    PUT(put_long(w, at, v->_order_type));
    PUT(put_long(w, at, v->_time_in_force));
    PUT(put_long(w, at, v->_quantity_lots));
    PUT(put_long(w, at, v->_price_e9));
    PUT(put_optional_number(w, at, v->_expires_at));
    PUT(put_string(w, at, v->_current_order_id));
    PUT(put_optional_string(w, at, v->_pending_order_id));
    PUT(put_long(w, at, v->_pending_quantity_lots));
    PUT(put_long(w, at, v->_pending_price_e9));
    PUT(put_optional_string(w, at, v->_trader_id));
    PUT(put_optional_string(w, at, v->_algo_id));
    PUT(put_optional_string(w, at, v->_desk_id));
    PUT(put_optional_string(w, at, v->_counterparty_id));
    PUT(put_long(w, at, v->_filled_lots));
    PUT(put_optional_number(w, at, v->_final_lots));
    PUT(put_boolean(w, at, v->_acknowledged));
    PUT(put_boolean(w, at, v->_cancel_requested));
    PUT(put_long(w, at, v->_hold_minor));
    PUT(put_string(w, at, v->_hold_currency));
    PUT(put_long(w, at, v->_lane_sequence));
    PUT(put_long(w, at, v->_accepted_at));
    PUT(put_long(w, at, v->_business_day));
    PUT(put_long(w, at, v->_touched_at));
    PUT(put_bytes(w, at, v->_content_hash));
    return at;
}

char CPyDef_avro___write_row_order(PyObject *w, PyObject *v) {
    return written(w, put_row_order((Writer *)w, START(w), (pipeline___risk___records___RowOrderObject *)v));
}

static PyObject *get_row_order(Cursor *r) {
    PyObject *tenant_id = get_recurring(r);
    PyObject *instrument_id = get_recurring(r);
    CPyTagged side = get_symbol(r, 2);
    CPyTagged order_type = get_symbol(r, 2);
    CPyTagged time_in_force = get_symbol(r, 4);
    CPyTagged quantity_lots = get_long(r);
    CPyTagged price_e9 = get_long(r);
    PyObject *expires_at = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    PyObject *current_order_id = get_string(r);
    PyObject *pending_order_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    CPyTagged pending_quantity_lots = get_long(r);
    CPyTagged pending_price_e9 = get_long(r);
    PyObject *trader_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *algo_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *desk_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *counterparty_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    CPyTagged filled_lots = get_long(r);
    PyObject *final_lots = get_present(r) ? get_long_object(r) : Py_NewRef(Py_None);
    char acknowledged = get_boolean(r);
    char cancel_requested = get_boolean(r);
    CPyTagged hold_minor = get_long(r);
    PyObject *hold_currency = get_recurring(r);
    CPyTagged lane_sequence = get_long(r);
    CPyTagged accepted_at = get_long(r);
    CPyTagged business_day = get_int(r);
    CPyTagged touched_at = get_long(r);
    PyObject *content_hash = get_bytes(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowOrder(tenant_id, instrument_id, side, order_type, time_in_force, quantity_lots, price_e9, expires_at, current_order_id, pending_order_id, pending_quantity_lots, pending_price_e9, trader_id, algo_id, desk_id, counterparty_id, filled_lots, final_lots, acknowledged, cancel_requested, hold_minor, hold_currency, lane_sequence, accepted_at, business_day, touched_at, content_hash));
    Py_XDECREF(tenant_id);
    Py_XDECREF(instrument_id);
    CPyTagged_DECREF(side);
    CPyTagged_DECREF(order_type);
    CPyTagged_DECREF(time_in_force);
    CPyTagged_DECREF(quantity_lots);
    CPyTagged_DECREF(price_e9);
    Py_XDECREF(expires_at);
    Py_XDECREF(current_order_id);
    Py_XDECREF(pending_order_id);
    CPyTagged_DECREF(pending_quantity_lots);
    CPyTagged_DECREF(pending_price_e9);
    Py_XDECREF(trader_id);
    Py_XDECREF(algo_id);
    Py_XDECREF(desk_id);
    Py_XDECREF(counterparty_id);
    CPyTagged_DECREF(filled_lots);
    Py_XDECREF(final_lots);
    CPyTagged_DECREF(hold_minor);
    Py_XDECREF(hold_currency);
    CPyTagged_DECREF(lane_sequence);
    CPyTagged_DECREF(accepted_at);
    CPyTagged_DECREF(business_day);
    CPyTagged_DECREF(touched_at);
    Py_XDECREF(content_hash);
    return v;
}

PyObject *CPyDef_avro___decode_row_order(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_order(&r));
}

/* -- row_decision */

static char *put_row_decision(Writer *w, char *at, pipeline___risk___records___RowDecisionObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_verdict));
    PUT(put_string(w, at, v->_reason_code));
    PUT(put_long(w, at, v->_lane_sequence));
    PUT(put_long(w, at, v->_touched_at));
    PUT(put_bytes(w, at, v->_content_hash));
    PUT(put_optional_string(w, at, v->_root_order_id));
    PUT(put_optional_string(w, at, v->_instrument_id));
    PUT(put_optional_number(w, at, v->_side));
    PUT(put_long(w, at, v->_filled_lots));
    return at;
}

char CPyDef_avro___write_row_decision(PyObject *w, PyObject *v) {
    return written(w, put_row_decision((Writer *)w, START(w), (pipeline___risk___records___RowDecisionObject *)v));
}

static PyObject *get_row_decision(Cursor *r) {
    CPyTagged verdict = get_symbol(r, 2);
    PyObject *reason_code = get_recurring(r);
    CPyTagged lane_sequence = get_long(r);
    CPyTagged touched_at = get_long(r);
    PyObject *content_hash = get_bytes(r);
    PyObject *root_order_id = get_present(r) ? get_string(r) : Py_NewRef(Py_None);
    PyObject *instrument_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *side = get_present(r) ? get_symbol_object(r, 2) : Py_NewRef(Py_None);
    CPyTagged filled_lots = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowDecision(verdict, reason_code, lane_sequence, touched_at, content_hash, root_order_id, instrument_id, side, filled_lots));
    CPyTagged_DECREF(verdict);
    Py_XDECREF(reason_code);
    CPyTagged_DECREF(lane_sequence);
    CPyTagged_DECREF(touched_at);
    Py_XDECREF(content_hash);
    Py_XDECREF(root_order_id);
    Py_XDECREF(instrument_id);
    Py_XDECREF(side);
    CPyTagged_DECREF(filled_lots);
    return v;
}

PyObject *CPyDef_avro___decode_row_decision(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_decision(&r));
}

/* -- row_seen */

static char *put_row_seen(Writer *w, char *at, pipeline___risk___records___RowSeenObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_touched_at));
    PUT(put_long(w, at, v->_lane_sequence));
    PUT(put_optional_string(w, at, v->_instrument_id));
    PUT(put_optional_number(w, at, v->_side));
    PUT(put_long(w, at, v->_lots));
    PUT(put_long(w, at, v->_price_e9));
    PUT(put_long(w, at, v->_fee_minor));
    PUT(put_boolean(w, at, v->_superseded));
    return at;
}

char CPyDef_avro___write_row_seen(PyObject *w, PyObject *v) {
    return written(w, put_row_seen((Writer *)w, START(w), (pipeline___risk___records___RowSeenObject *)v));
}

static PyObject *get_row_seen(Cursor *r) {
    CPyTagged touched_at = get_long(r);
    CPyTagged lane_sequence = get_long(r);
    PyObject *instrument_id = get_present(r) ? get_recurring(r) : Py_NewRef(Py_None);
    PyObject *side = get_present(r) ? get_symbol_object(r, 2) : Py_NewRef(Py_None);
    CPyTagged lots = get_long(r);
    CPyTagged price_e9 = get_long(r);
    CPyTagged fee_minor = get_long(r);
    char superseded = get_boolean(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowSeen(touched_at, lane_sequence, instrument_id, side, lots, price_e9, fee_minor, superseded));
    CPyTagged_DECREF(touched_at);
    CPyTagged_DECREF(lane_sequence);
    Py_XDECREF(instrument_id);
    Py_XDECREF(side);
    CPyTagged_DECREF(lots);
    CPyTagged_DECREF(price_e9);
    CPyTagged_DECREF(fee_minor);
    return v;
}

PyObject *CPyDef_avro___decode_row_seen(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_seen(&r));
}

/* -- row_withdrawal */

static char *put_row_withdrawal(Writer *w, char *at, pipeline___risk___records___RowWithdrawalObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_currency));
    PUT(put_long(w, at, v->_amount_minor));
    PUT(put_long(w, at, v->_gate_time));
    return at;
}

char CPyDef_avro___write_row_withdrawal(PyObject *w, PyObject *v) {
    return written(w, put_row_withdrawal((Writer *)w, START(w), (pipeline___risk___records___RowWithdrawalObject *)v));
}

static PyObject *get_row_withdrawal(Cursor *r) {
    PyObject *currency = get_recurring(r);
    CPyTagged amount_minor = get_long(r);
    CPyTagged gate_time = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowWithdrawal(currency, amount_minor, gate_time));
    Py_XDECREF(currency);
    CPyTagged_DECREF(amount_minor);
    CPyTagged_DECREF(gate_time);
    return v;
}

PyObject *CPyDef_avro___decode_row_withdrawal(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_withdrawal(&r));
}

/* -- row_pledge */

static char *put_row_pledge(Writer *w, char *at, pipeline___risk___records___RowPledgeObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_covered_minor));
    PUT(put_long(w, at, v->_pledged_minor));
    return at;
}

char CPyDef_avro___write_row_pledge(PyObject *w, PyObject *v) {
    return written(w, put_row_pledge((Writer *)w, START(w), (pipeline___risk___records___RowPledgeObject *)v));
}

static PyObject *get_row_pledge(Cursor *r) {
    CPyTagged covered_minor = get_long(r);
    CPyTagged pledged_minor = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowPledge(covered_minor, pledged_minor));
    CPyTagged_DECREF(covered_minor);
    CPyTagged_DECREF(pledged_minor);
    return v;
}

PyObject *CPyDef_avro___decode_row_pledge(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_pledge(&r));
}

/* -- row_alias */

static char *put_row_alias(Writer *w, char *at, pipeline___risk___records___RowAliasObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_string(w, at, v->_root_order_id));
    return at;
}

char CPyDef_avro___write_row_alias(PyObject *w, PyObject *v) {
    return written(w, put_row_alias((Writer *)w, START(w), (pipeline___risk___records___RowAliasObject *)v));
}

static PyObject *get_row_alias(Cursor *r) {
    PyObject *root_order_id = get_string(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowAlias(root_order_id));
    Py_XDECREF(root_order_id);
    return v;
}

PyObject *CPyDef_avro___decode_row_alias(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_alias(&r));
}

/* -- row_mark */

static char *put_row_mark(Writer *w, char *at, pipeline___risk___records___RowMarkObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_price_e9));
    PUT(put_long(w, at, v->_as_of));
    return at;
}

char CPyDef_avro___write_row_mark(PyObject *w, PyObject *v) {
    return written(w, put_row_mark((Writer *)w, START(w), (pipeline___risk___records___RowMarkObject *)v));
}

static PyObject *get_row_mark(Cursor *r) {
    CPyTagged price_e9 = get_long(r);
    CPyTagged as_of = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowMark(price_e9, as_of));
    CPyTagged_DECREF(price_e9);
    CPyTagged_DECREF(as_of);
    return v;
}

PyObject *CPyDef_avro___decode_row_mark(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_mark(&r));
}

/* -- row_algorithm */

static char *put_row_algorithm(Writer *w, char *at, pipeline___risk___records___RowAlgorithmObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_executions_count));
    return at;
}

char CPyDef_avro___write_row_algorithm(PyObject *w, PyObject *v) {
    return written(w, put_row_algorithm((Writer *)w, START(w), (pipeline___risk___records___RowAlgorithmObject *)v));
}

static PyObject *get_row_algorithm(Cursor *r) {
    CPyTagged executions_count = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowAlgorithm(executions_count));
    CPyTagged_DECREF(executions_count);
    return v;
}

PyObject *CPyDef_avro___decode_row_algorithm(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_algorithm(&r));
}

/* -- row_recent */

static char *put_row_recent(Writer *w, char *at, pipeline___risk___records___RowRecentObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    if (unlikely(v->_at == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_at) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_at) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_at); i++) {
            PyObject *at_item = PyList_GET_ITEM(v->_at, i);
            PUT(put_number(w, at, at_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (unlikely(v->_lots == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_lots) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_lots) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_lots); i++) {
            PyObject *lots_item = PyList_GET_ITEM(v->_lots, i);
            PUT(put_number(w, at, lots_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (unlikely(v->_price_e9 == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_price_e9) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_price_e9) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_price_e9); i++) {
            PyObject *price_e9_item = PyList_GET_ITEM(v->_price_e9, i);
            PUT(put_number(w, at, price_e9_item));
        }
    }
    PUT(put_byte(w, at, 0));
    PUT(put_long(w, at, v->_buy_price_e9));
    PUT(put_long(w, at, v->_buy_at));
    PUT(put_long(w, at, v->_sell_price_e9));
    PUT(put_long(w, at, v->_sell_at));
    return at;
}

char CPyDef_avro___write_row_recent(PyObject *w, PyObject *v) {
    return written(w, put_row_recent((Writer *)w, START(w), (pipeline___risk___records___RowRecentObject *)v));
}

static PyObject *get_row_recent(Cursor *r) {
    PyObject *at = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, at, get_long_object(r));
        }
    }
    PyObject *lots = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, lots, get_long_object(r));
        }
    }
    PyObject *price_e9 = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, price_e9, get_long_object(r));
        }
    }
    CPyTagged buy_price_e9 = get_long(r);
    CPyTagged buy_at = get_long(r);
    CPyTagged sell_price_e9 = get_long(r);
    CPyTagged sell_at = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowRecent(at, lots, price_e9, buy_price_e9, buy_at, sell_price_e9, sell_at));
    Py_XDECREF(at);
    Py_XDECREF(lots);
    Py_XDECREF(price_e9);
    CPyTagged_DECREF(buy_price_e9);
    CPyTagged_DECREF(buy_at);
    CPyTagged_DECREF(sell_price_e9);
    CPyTagged_DECREF(sell_at);
    return v;
}

PyObject *CPyDef_avro___decode_row_recent(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_recent(&r));
}

/* -- row_band */

static char *put_row_band(Writer *w, char *at, pipeline___risk___records___RowBandObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_width_us));
    PUT(put_long(w, at, v->_bucket));
    if (unlikely(v->_low_e9 == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_low_e9) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_low_e9) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_low_e9); i++) {
            PyObject *low_e9_item = PyList_GET_ITEM(v->_low_e9, i);
            PUT(put_number(w, at, low_e9_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (unlikely(v->_high_e9 == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_high_e9) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_high_e9) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_high_e9); i++) {
            PyObject *high_e9_item = PyList_GET_ITEM(v->_high_e9, i);
            PUT(put_number(w, at, high_e9_item));
        }
    }
    PUT(put_byte(w, at, 0));
    return at;
}

char CPyDef_avro___write_row_band(PyObject *w, PyObject *v) {
    return written(w, put_row_band((Writer *)w, START(w), (pipeline___risk___records___RowBandObject *)v));
}

static PyObject *get_row_band(Cursor *r) {
    CPyTagged width_us = get_long(r);
    CPyTagged bucket = get_long(r);
    PyObject *low_e9 = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, low_e9, get_long_object(r));
        }
    }
    PyObject *high_e9 = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, high_e9, get_long_object(r));
        }
    }
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowBand(width_us, bucket, low_e9, high_e9));
    CPyTagged_DECREF(width_us);
    CPyTagged_DECREF(bucket);
    Py_XDECREF(low_e9);
    Py_XDECREF(high_e9);
    return v;
}

PyObject *CPyDef_avro___decode_row_band(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_band(&r));
}

/* -- row_restriction */

static char *put_row_restriction(Writer *w, char *at, pipeline___risk___records___RowRestrictionObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_version));
    return at;
}

char CPyDef_avro___write_row_restriction(PyObject *w, PyObject *v) {
    return written(w, put_row_restriction((Writer *)w, START(w), (pipeline___risk___records___RowRestrictionObject *)v));
}

static PyObject *get_row_restriction(Cursor *r) {
    CPyTagged version = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowRestriction(version));
    CPyTagged_DECREF(version);
    return v;
}

PyObject *CPyDef_avro___decode_row_restriction(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_restriction(&r));
}

/* -- row_result */

static char *put_row_result(Writer *w, char *at, pipeline___risk___records___RowResultObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_trading_minor));
    PUT(put_long(w, at, v->_day));
    PUT(put_long(w, at, v->_opening_minor));
    PUT(put_long(w, at, v->_last_minor));
    PUT(put_long(w, at, v->_peak_minor));
    return at;
}

char CPyDef_avro___write_row_result(PyObject *w, PyObject *v) {
    return written(w, put_row_result((Writer *)w, START(w), (pipeline___risk___records___RowResultObject *)v));
}

static PyObject *get_row_result(Cursor *r) {
    CPyTagged trading_minor = get_long(r);
    CPyTagged day = get_int(r);
    CPyTagged opening_minor = get_long(r);
    CPyTagged last_minor = get_long(r);
    CPyTagged peak_minor = get_long(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowResult(trading_minor, day, opening_minor, last_minor, peak_minor));
    CPyTagged_DECREF(trading_minor);
    CPyTagged_DECREF(day);
    CPyTagged_DECREF(opening_minor);
    CPyTagged_DECREF(last_minor);
    CPyTagged_DECREF(peak_minor);
    return v;
}

PyObject *CPyDef_avro___decode_row_result(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_result(&r));
}

/* -- row_holdings */

static char *put_row_holdings(Writer *w, char *at, pipeline___risk___records___RowHoldingsObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    if (unlikely(v->_instrument_ids == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_instrument_ids) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_instrument_ids) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_instrument_ids); i++) {
            PyObject *instrument_ids_item = PyList_GET_ITEM(v->_instrument_ids, i);
            PUT(put_string(w, at, instrument_ids_item));
        }
    }
    PUT(put_byte(w, at, 0));
    return at;
}

char CPyDef_avro___write_row_holdings(PyObject *w, PyObject *v) {
    return written(w, put_row_holdings((Writer *)w, START(w), (pipeline___risk___records___RowHoldingsObject *)v));
}

static PyObject *get_row_holdings(Cursor *r) {
    PyObject *instrument_ids = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, instrument_ids, get_string(r));
        }
    }
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowHoldings(instrument_ids));
    Py_XDECREF(instrument_ids);
    return v;
}

PyObject *CPyDef_avro___decode_row_holdings(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_holdings(&r));
}

/* -- row_lane */

static char *put_row_lane(Writer *w, char *at, pipeline___risk___records___RowLaneObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_lane));
    PUT(put_long(w, at, v->_state_format));
    PUT(put_map(w, at, v->_applied, put_number));
    return at;
}

char CPyDef_avro___write_row_lane(PyObject *w, PyObject *v) {
    return written(w, put_row_lane((Writer *)w, START(w), (pipeline___risk___records___RowLaneObject *)v));
}

static PyObject *get_row_lane(Cursor *r) {
    CPyTagged lane = get_int(r);
    CPyTagged state_format = get_int(r);
    PyObject *applied = made(r, PyDict_New());
    PyObject *applied_last = NULL;
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            PyObject *key = get_string(r);
            PyObject *item = get_long_object(r);
            put_into(r, applied, key, item, &applied_last);
        }
    }
    Py_XDECREF(applied_last);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowLane(lane, state_format, applied));
    CPyTagged_DECREF(lane);
    CPyTagged_DECREF(state_format);
    Py_XDECREF(applied);
    return v;
}

PyObject *CPyDef_avro___decode_row_lane(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_lane(&r));
}

/* -- row_gate */

static char *put_row_gate(Writer *w, char *at, pipeline___risk___records___RowGateObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_lane_sequence));
    PUT(put_long(w, at, v->_gate_time));
    PUT(put_long(w, at, v->_forgotten_before));
    if (unlikely(v->_remembered_until == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_remembered_until) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_remembered_until) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_remembered_until); i++) {
            PyObject *remembered_until_item = PyList_GET_ITEM(v->_remembered_until, i);
            PUT(put_number(w, at, remembered_until_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (unlikely(v->_remembered_counts == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_remembered_counts) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_remembered_counts) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_remembered_counts); i++) {
            PyObject *remembered_counts_item = PyList_GET_ITEM(v->_remembered_counts, i);
            PUT(put_number(w, at, remembered_counts_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (unlikely(v->_ahead_until == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_ahead_until) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_ahead_until) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_ahead_until); i++) {
            PyObject *ahead_until_item = PyList_GET_ITEM(v->_ahead_until, i);
            PUT(put_number(w, at, ahead_until_item));
        }
    }
    PUT(put_byte(w, at, 0));
    if (unlikely(v->_ahead_counts == NULL)) {
        return put_undefined();
    }
    if (PyList_GET_SIZE(v->_ahead_counts) > 0) {
        PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE(v->_ahead_counts) << 1));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(v->_ahead_counts); i++) {
            PyObject *ahead_counts_item = PyList_GET_ITEM(v->_ahead_counts, i);
            PUT(put_number(w, at, ahead_counts_item));
        }
    }
    PUT(put_byte(w, at, 0));
    PUT(put_bytes(w, at, v->_chain_head));
    PUT(put_bytes(w, at, v->_state_digest));
    PUT(put_long(w, at, v->_control_number));
    PUT(put_long(w, at, v->_core_version));
    PUT(put_long(w, at, v->_business_day));
    PUT(put_map(w, at, v->_day_event_counts, put_number));
    return at;
}

char CPyDef_avro___write_row_gate(PyObject *w, PyObject *v) {
    return written(w, put_row_gate((Writer *)w, START(w), (pipeline___risk___records___RowGateObject *)v));
}

static PyObject *get_row_gate(Cursor *r) {
    CPyTagged lane_sequence = get_long(r);
    CPyTagged gate_time = get_long(r);
    CPyTagged forgotten_before = get_long(r);
    PyObject *remembered_until = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, remembered_until, get_long_object(r));
        }
    }
    PyObject *remembered_counts = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, remembered_counts, get_long_object(r));
        }
    }
    PyObject *ahead_until = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, ahead_until, get_long_object(r));
        }
    }
    PyObject *ahead_counts = made(r, PyList_New(0));
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            append(r, ahead_counts, get_long_object(r));
        }
    }
    PyObject *chain_head = get_bytes(r);
    PyObject *state_digest = get_bytes(r);
    CPyTagged control_number = get_long(r);
    CPyTagged core_version = get_int(r);
    CPyTagged business_day = get_int(r);
    PyObject *day_event_counts = made(r, PyDict_New());
    PyObject *day_event_counts_last = NULL;
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            PyObject *key = get_string(r);
            PyObject *item = get_long_object(r);
            put_into(r, day_event_counts, key, item, &day_event_counts_last);
        }
    }
    Py_XDECREF(day_event_counts_last);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowGate(lane_sequence, gate_time, forgotten_before, remembered_until, remembered_counts, ahead_until, ahead_counts, chain_head, state_digest, control_number, core_version, business_day, day_event_counts));
    CPyTagged_DECREF(lane_sequence);
    CPyTagged_DECREF(gate_time);
    CPyTagged_DECREF(forgotten_before);
    Py_XDECREF(remembered_until);
    Py_XDECREF(remembered_counts);
    Py_XDECREF(ahead_until);
    Py_XDECREF(ahead_counts);
    Py_XDECREF(chain_head);
    Py_XDECREF(state_digest);
    CPyTagged_DECREF(control_number);
    CPyTagged_DECREF(core_version);
    CPyTagged_DECREF(business_day);
    Py_XDECREF(day_event_counts);
    return v;
}

PyObject *CPyDef_avro___decode_row_gate(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_gate(&r));
}

/* -- row_report_day */

static char *put_row_report_day(Writer *w, char *at, pipeline___risk___records___RowReportDayObject *v) {
    if (unlikely(v == NULL)) {
        return put_undefined();
    }
    PUT(put_long(w, at, v->_first_offset));
    PUT(put_long(w, at, v->_last_offset));
    PUT(put_long(w, at, v->_event_count));
    PUT(put_map(w, at, v->_closed, put_number));
    PUT(put_long(w, at, v->_lane_count));
    PUT(put_boolean(w, at, v->_reported));
    return at;
}

char CPyDef_avro___write_row_report_day(PyObject *w, PyObject *v) {
    return written(w, put_row_report_day((Writer *)w, START(w), (pipeline___risk___records___RowReportDayObject *)v));
}

static PyObject *get_row_report_day(Cursor *r) {
    CPyTagged first_offset = get_long(r);
    CPyTagged last_offset = get_long(r);
    CPyTagged event_count = get_long(r);
    PyObject *closed = made(r, PyDict_New());
    PyObject *closed_last = NULL;
    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {
        while (left-- > 0 && !r->failed) {
            PyObject *key = get_string(r);
            PyObject *item = get_long_object(r);
            put_into(r, closed, key, item, &closed_last);
        }
    }
    Py_XDECREF(closed_last);
    CPyTagged lane_count = get_int(r);
    char reported = get_boolean(r);
    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___RowReportDay(first_offset, last_offset, event_count, closed, lane_count, reported));
    CPyTagged_DECREF(first_offset);
    CPyTagged_DECREF(last_offset);
    CPyTagged_DECREF(event_count);
    Py_XDECREF(closed);
    CPyTagged_DECREF(lane_count);
    return v;
}

PyObject *CPyDef_avro___decode_row_report_day(PyObject *data, CPyTagged position) {
    Cursor r = cursor_at(data, position);
    return finished(&r, get_row_report_day(&r));
}

char *put_row(Writer *w, char *at, PyObject *row) {
    PyTypeObject *type = Py_TYPE(row);
    if (type == CPyType_records___RowOrder) {
        return put_row_order(w, at, (pipeline___risk___records___RowOrderObject *)row);
    }
    if (type == CPyType_records___RowUser) {
        return put_row_user(w, at, (pipeline___risk___records___RowUserObject *)row);
    }
    if (type == CPyType_records___RowBalance) {
        return put_row_balance(w, at, (pipeline___risk___records___RowBalanceObject *)row);
    }
    if (type == CPyType_records___RowPosition) {
        return put_row_position(w, at, (pipeline___risk___records___RowPositionObject *)row);
    }
    if (type == CPyType_records___RowRecent) {
        return put_row_recent(w, at, (pipeline___risk___records___RowRecentObject *)row);
    }
    if (type == CPyType_records___Control) {
        return put_control(w, at, (pipeline___risk___records___ControlObject *)row);
    }
    if (type == CPyType_records___RowDecision) {
        return put_row_decision(w, at, (pipeline___risk___records___RowDecisionObject *)row);
    }
    if (type == CPyType_records___RowSeen) {
        return put_row_seen(w, at, (pipeline___risk___records___RowSeenObject *)row);
    }
    if (type == CPyType_records___RowWithdrawal) {
        return put_row_withdrawal(w, at, (pipeline___risk___records___RowWithdrawalObject *)row);
    }
    if (type == CPyType_records___RowPledge) {
        return put_row_pledge(w, at, (pipeline___risk___records___RowPledgeObject *)row);
    }
    if (type == CPyType_records___RowAlias) {
        return put_row_alias(w, at, (pipeline___risk___records___RowAliasObject *)row);
    }
    if (type == CPyType_records___RowMark) {
        return put_row_mark(w, at, (pipeline___risk___records___RowMarkObject *)row);
    }
    if (type == CPyType_records___RowAlgorithm) {
        return put_row_algorithm(w, at, (pipeline___risk___records___RowAlgorithmObject *)row);
    }
    if (type == CPyType_records___RowBand) {
        return put_row_band(w, at, (pipeline___risk___records___RowBandObject *)row);
    }
    if (type == CPyType_records___RowRestriction) {
        return put_row_restriction(w, at, (pipeline___risk___records___RowRestrictionObject *)row);
    }
    if (type == CPyType_records___RowResult) {
        return put_row_result(w, at, (pipeline___risk___records___RowResultObject *)row);
    }
    if (type == CPyType_records___RowHoldings) {
        return put_row_holdings(w, at, (pipeline___risk___records___RowHoldingsObject *)row);
    }
    if (type == CPyType_records___RowLane) {
        return put_row_lane(w, at, (pipeline___risk___records___RowLaneObject *)row);
    }
    if (type == CPyType_records___RowGate) {
        return put_row_gate(w, at, (pipeline___risk___records___RowGateObject *)row);
    }
    if (type == CPyType_records___RowReportDay) {
        return put_row_report_day(w, at, (pipeline___risk___records___RowReportDayObject *)row);
    }
    PyErr_SetString(PyExc_TypeError, "no row of a table");
    return NULL;
}
