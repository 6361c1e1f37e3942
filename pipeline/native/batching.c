/* A record in a batch: as RecordBatch.append of pipeline/streaming/record_batch.py. */
#pragma GCC diagnostic error "-Wmissing-prototypes"
#include "primitives.h"

typedef pipeline___streaming___record_batch___RecordBatchObject Batch;

/* A record's attributes and the delta of its time stamp, and the count of its headers: none. */
#define PLAIN_BYTES 2
#define HEADS_BYTES_MAX (4 * LONG_BYTES_MAX + PLAIN_BYTES)

static Py_ssize_t bytes_of(int64_t value) {
    Py_ssize_t bytes = 1;
    for (uint64_t rest = zigzag(value); rest >= 0x80; rest >>= 7) {
        bytes++;
    }
    return bytes;
}

static char *put_memory(char *at, PyObject *bytes) {
    memcpy(at, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    return at + PyBytes_GET_SIZE(bytes);
}

char CPyDef_record_batch___RecordBatch___append(
    PyObject *self, PyObject *key, PyObject *frame, PyObject *body, PyObject *headers) {
    Batch *batch = (Batch *)self;
    Writer *w = (Writer *)batch->_writer;
    PyObject *names = NULL;
    if (headers != Py_None) {
        names = CPyDef_record_batch____headers(headers);
        if (names == NULL) {
            return CPY_NONE_ERROR;
        }
    }
    Py_ssize_t names_bytes = names == NULL ? 1 : PyBytes_GET_SIZE(names);
    Py_ssize_t key_bytes = key == Py_None ? -1 : PyBytes_GET_SIZE(key);
    Py_ssize_t value_bytes =
        body == Py_None ? -1 : PyBytes_GET_SIZE(frame) + PyBytes_GET_SIZE(body);
    Py_ssize_t length = PLAIN_BYTES + bytes_of(batch->_count) + bytes_of(key_bytes) +
                        Py_MAX(key_bytes, 0) + bytes_of(value_bytes) + Py_MAX(value_bytes, 0) +
                        names_bytes;
    char *at = room(w, w->buf + w->len, length + HEADS_BYTES_MAX);
    if (at == NULL) {
        Py_XDECREF(names);
        return CPY_NONE_ERROR;
    }
    at = varint(at, zigzag(length));
    memset(at, 0, PLAIN_BYTES);
    at = varint(at + PLAIN_BYTES, zigzag(batch->_count));
    at = varint(at, zigzag(key_bytes));
    if (key != Py_None) {
        at = put_memory(at, key);
    }
    at = varint(at, zigzag(value_bytes));
    if (body != Py_None) {
        at = put_memory(put_memory(at, frame), body);
    }
    if (names == NULL) {
        *at++ = 0;
    } else {
        at = put_memory(at, names);
        Py_DECREF(names);
    }
    w->len = at - w->buf;
    batch->_count++;
    return CPY_NONE;
}
