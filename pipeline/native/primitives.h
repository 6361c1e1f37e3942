/* Avro primitives in C: the same bytes and the same refusals as pipeline/codecs/primitives.py.

   Writers take the place in the buffer where the next byte goes and return the place behind what they
   wrote, or NULL with a Python error set; the writer's length is brought up to date at the end, or
   when the buffer grows. Readers return a value and set `failed` with a Python error; behind a
   failure the cursor is at the end, so that what is read next fails too and changes nothing. */
#ifndef TOLLGATE_PRIMITIVES_H
#define TOLLGATE_PRIMITIVES_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "CPy.h"
#include "byteswriter_extra_ops.h"
#include "__native_tollgate.h"
#include "__native_internal_tollgate.h"

#define LONG_BYTES_MAX 10

/* -- writing */

typedef BytesWriterObject Writer;

static char *larger(Writer *w, char *at, Py_ssize_t bytes) {
    w->len = at - w->buf;
    if (!LibRTStrings_ByteWriter_grow_buffer_internal(w, bytes)) {
        return NULL;
    }
    return w->buf + w->len;
}

/* Where `bytes` more can be written. */
static inline char *room(Writer *w, char *at, Py_ssize_t bytes) {
    if (likely(w->capacity - (at - w->buf) >= bytes)) {
        return at;
    }
    return larger(w, at, bytes);
}

/* There must be room for LONG_BYTES_MAX. */
static inline char *varint(char *at, uint64_t bits) {
    while (bits >= 0x80) {
        *at++ = (char)(bits | 0x80);
        bits >>= 7;
    }
    *at++ = (char)bits;
    return at;
}

static inline uint64_t zigzag(int64_t value) {
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static int64_t large_of(PyObject *value) {
    int overflow = 0;
    int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow != 0) {
        PyErr_SetString(PyExc_OverflowError, "outside int64");
    }
    return number;
}

/* The value of a Python integer; -1 with an error set when it is outside int64. */
static inline int64_t number_of(PyObject *value) {
    if (unlikely(!PyLong_CheckExact(value))) {
        return large_of(value);
    }
    PyLongObject *number = (PyLongObject *)value;
#if PY_VERSION_HEX >= 0x030C0000
    return PyUnstable_Long_IsCompact(number) ? PyUnstable_Long_CompactValue(number)
                                             : large_of(value);
#else
    switch (Py_SIZE(number)) {
    case 0:
        return 0;
    case 1:
        return (int64_t)number->ob_digit[0];
    case -1:
        return -(int64_t)number->ob_digit[0];
    case 2:
        return (int64_t)number->ob_digit[0] | (int64_t)number->ob_digit[1] << PyLong_SHIFT;
    default:
        return large_of(value);
    }
#endif
}

static char *put_undefined(void) {
    PyErr_SetString(PyExc_AttributeError, "a field of the record is not set");
    return NULL;
}

/* A Python integer. */
static char *put_number(Writer *w, char *at, PyObject *value) {
    if (unlikely(value == NULL)) {
        return put_undefined();
    }
    int64_t number = number_of(value);
    if (unlikely(number == -1) && PyErr_Occurred()) {
        return NULL;
    }
    at = room(w, at, LONG_BYTES_MAX);
    return unlikely(at == NULL) ? NULL : varint(at, zigzag(number));
}

static char *put_boxed(Writer *w, char *at, CPyTagged value) {
    return value == CPY_INT_TAG ? put_undefined() : put_number(w, at, CPyTagged_LongAsObject(value));
}

/* An integer field. */
static inline char *put_long(Writer *w, char *at, CPyTagged value) {
    if (unlikely(CPyTagged_CheckLong(value))) {
        return put_boxed(w, at, value);
    }
    at = room(w, at, LONG_BYTES_MAX);
    return unlikely(at == NULL) ? NULL : varint(at, zigzag((Py_ssize_t)value >> 1));
}

static inline char *put_byte(Writer *w, char *at, char value) {
    at = room(w, at, 1);
    if (likely(at != NULL)) {
        *at++ = value;
    }
    return at;
}

/* A boolean field, of which 2 is not set. */
static inline char *put_boolean(Writer *w, char *at, char value) {
    return unlikely(value == 2) ? put_undefined() : put_byte(w, at, value);
}

static inline char *put_plain(Writer *w, char *at, const char *data, Py_ssize_t length) {
    at = room(w, at, length);
    if (likely(at != NULL)) {
        memcpy(at, data, (size_t)length);
        at += length;
    }
    return at;
}

static inline char *put_sized(Writer *w, char *at, const char *data, Py_ssize_t length) {
    at = room(w, at, length + LONG_BYTES_MAX);
    if (likely(at != NULL)) {
        at = varint(at, zigzag(length));
        memcpy(at, data, (size_t)length);
        at += length;
    }
    return at;
}

static inline char *put_bytes(Writer *w, char *at, PyObject *value) {
    if (unlikely(value == NULL)) {
        return put_undefined();
    }
    if (unlikely(!PyBytes_Check(value))) {
        PyErr_SetString(PyExc_TypeError, "bytes are written as bytes only");
        return NULL;
    }
    return put_sized(w, at, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
}

/* Bytes that are a value of the schema already. */
static inline char *put_encoded(Writer *w, char *at, PyObject *value) {
    return put_plain(w, at, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
}

static char *put_other_string(Writer *w, char *at, PyObject *value) {
    if (value == NULL) {
        return put_undefined();
    }
    Py_ssize_t length;
    const char *data = PyUnicode_AsUTF8AndSize(value, &length);
    return data == NULL ? NULL : put_sized(w, at, data, length);
}

static inline char *put_string(Writer *w, char *at, PyObject *value) {
    if (unlikely(value == NULL || !PyUnicode_IS_COMPACT_ASCII(value))) {
        return put_other_string(w, at, value);
    }
    const char *data = (const char *)((PyASCIIObject *)value + 1);
    return put_sized(w, at, data, PyUnicode_GET_LENGTH(value));
}

/* Unions of null and one other type: the index of the branch, twice as zigzag. */
#define PUT_OPTIONAL(put)                  \
    if (value == Py_None) {                \
        return put_byte(w, at, 0);         \
    }                                      \
    at = put_byte(w, at, 2);               \
    return unlikely(at == NULL) ? NULL : put(w, at, value)

static inline char *put_optional_number(Writer *w, char *at, PyObject *value) {
    PUT_OPTIONAL(put_number);
}

static inline char *put_optional_string(Writer *w, char *at, PyObject *value) {
    PUT_OPTIONAL(put_string);
}

static inline char *put_optional_bytes(Writer *w, char *at, PyObject *value) {
    PUT_OPTIONAL(put_bytes);
}

/* A map in key order, whose items `put` writes. */
static char *put_map(
    Writer *w, char *at, PyObject *map, char *(*put)(Writer *, char *, PyObject *)) {
    if (unlikely(map == NULL)) {
        return put_undefined();
    }
    if (PyDict_GET_SIZE(map) == 0) {
        return put_byte(w, at, 0);
    }
    PyObject *keys = PyDict_Keys(map);
    if (keys == NULL || PyList_Sort(keys) < 0) {
        Py_XDECREF(keys);
        return NULL;
    }
    at = put_long(w, at, (CPyTagged)PyList_GET_SIZE(keys) << 1);
    for (Py_ssize_t i = 0; at != NULL && i < PyList_GET_SIZE(keys); i++) {
        PyObject *key = PyList_GET_ITEM(keys, i);
        at = put_string(w, at, key);
        if (at != NULL) {
            at = put(w, at, PyDict_GetItemWithError(map, key));
        }
    }
    Py_DECREF(keys);
    return at == NULL ? NULL : put_byte(w, at, 0);
}

/* -- writing a record */

#define PUT(written)                      \
    do {                                  \
        at = (written);                   \
        if (unlikely(at == NULL)) {       \
            return NULL;                  \
        }                                 \
    } while (0)

#define START(writer) (((Writer *)(writer))->buf + ((Writer *)(writer))->len)

static inline char written(PyObject *writer, char *at) {
    if (unlikely(at == NULL)) {
        return CPY_NONE_ERROR;
    }
    ((Writer *)writer)->len = at - ((Writer *)writer)->buf;
    return CPY_NONE;
}

/* -- reading */

typedef struct {
    const uint8_t *data;
    Py_ssize_t at;
    Py_ssize_t end;
    /* Whether what was read so far is as this package writes it, byte for byte. */
    int canonical;
    int failed;
} Cursor;

/* The error that is set stands, or one is set. */
static void fail(Cursor *r, const char *why) {
    if (!r->failed) {
        r->failed = 1;
        if (!PyErr_Occurred()) {
            PyErr_SetString((PyObject *)CPyType_primitives___MalformedAvro, why);
        }
    }
    r->at = r->end;
}

static int64_t longer(Cursor *r) {
    uint64_t bits = 0;
    int shift = 0;
    for (;;) {
        if (r->at >= r->end) {
            fail(r, "truncated in an integer");
            return 0;
        }
        uint8_t byte = r->data[r->at++];
        if (shift == 63 && byte > 1) {
            fail(r, "integer of more than 64 bits");
            return 0;
        }
        bits |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift > 0) {
                /* It would have fitted into fewer bytes. */
                r->canonical = 0;
            }
            return (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
        }
        shift += 7;
    }
}

static inline int64_t get_number(Cursor *r) {
    if (likely(r->at < r->end)) {
        uint8_t byte = r->data[r->at];
        if (byte < 0x80) {
            r->at++;
            return (int64_t)(byte >> 1) ^ -(int64_t)(byte & 1);
        }
    }
    return longer(r);
}

static inline int64_t get_number32(Cursor *r) {
    int64_t value = get_number(r);
    if (unlikely(value < INT32_MIN || value > INT32_MAX)) {
        fail(r, "int of more than 32 bits");
        return 0;
    }
    return value;
}

static inline CPyTagged get_long(Cursor *r) { return CPyTagged_FromInt64(get_number(r)); }
static inline CPyTagged get_int(Cursor *r) { return CPyTagged_FromInt64(get_number32(r)); }

static PyObject *made(Cursor *r, PyObject *value) {
    if (unlikely(value == NULL)) {
        fail(r, "not made");
    }
    return value;
}

static inline PyObject *get_long_object(Cursor *r) {
    return made(r, PyLong_FromLongLong(get_number(r)));
}

static inline PyObject *get_int_object(Cursor *r) {
    return made(r, PyLong_FromLongLong(get_number32(r)));
}

/* The index of an enum's symbol or of a union's branch, below `count`. */
static inline int64_t get_index(Cursor *r, int64_t count) {
    int64_t index = get_number(r);
    if (unlikely(index < 0 || index >= count)) {
        fail(r, "enum symbol or union branch out of range");
        return 0;
    }
    return index;
}

static inline CPyTagged get_symbol(Cursor *r, int64_t count) {
    return (CPyTagged)get_index(r, count) << 1;
}

static inline PyObject *get_symbol_object(Cursor *r, int64_t count) {
    return made(r, PyLong_FromLongLong(get_index(r, count)));
}

static inline char get_boolean(Cursor *r) {
    if (unlikely(r->at >= r->end)) {
        fail(r, "truncated in a boolean");
        return 0;
    }
    uint8_t byte = r->data[r->at];
    if (unlikely(byte > 1)) {
        fail(r, "boolean that is neither 0 nor 1");
        return 0;
    }
    r->at++;
    return (char)byte;
}

/* The index of a union of null and one other type. */
static inline int get_present(Cursor *r) {
    int64_t branch = get_number(r);
    if (unlikely(branch != 0 && branch != 1)) {
        fail(r, "union branch out of range");
        return 0;
    }
    return (int)branch;
}

/* Where so many bytes lie, with their length before them; NULL on failure. */
static inline const char *get_sized(Cursor *r, Py_ssize_t *length) {
    int64_t found = get_number(r);
    if (unlikely(r->failed || found < 0 || found > r->end - r->at)) {
        fail(r, "length beyond the end");
        return NULL;
    }
    const char *data = (const char *)r->data + r->at;
    r->at += found;
    *length = found;
    return data;
}

static inline PyObject *get_bytes(Cursor *r) {
    Py_ssize_t length;
    const char *data = get_sized(r, &length);
    return data == NULL ? NULL : made(r, PyBytes_FromStringAndSize(data, length));
}

static PyObject *text_of(Cursor *r, const char *data, Py_ssize_t length) {
    PyObject *text = PyUnicode_DecodeUTF8(data, length, NULL);
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        fail(r, "string that is not UTF-8");
        return NULL;
    }
    return made(r, text);
}

static inline PyObject *get_string(Cursor *r) {
    Py_ssize_t length;
    const char *data = get_sized(r, &length);
    return data == NULL ? NULL : text_of(r, data, length);
}

/* Strings that recur. Each has one place, which the next to need it takes. */
#define PLACES 4096
#define KEPT_BYTES_MAX 256

/* A string that was most likely read before: then the same object. */
static PyObject *get_recurring(Cursor *r) {
    static PyObject *was_read[PLACES];
    Py_ssize_t length;
    const char *data = get_sized(r, &length);
    if (unlikely(data == NULL)) {
        return NULL;
    }
    if (length < 4 || length > KEPT_BYTES_MAX) {
        return text_of(r, data, length);
    }
    /* Three words of it tell ids of one kind apart. */
    uint32_t last, middle, early;
    Py_ssize_t latest = length - 4;
    memcpy(&last, data + latest, 4);
    memcpy(&middle, data + (length >> 1 < latest ? length >> 1 : latest), 4);
    memcpy(&early, data + (length >> 2 < latest ? length >> 2 : latest), 4);
    uint64_t mixed = (uint64_t)length ^ last ^ (uint64_t)middle << 1 ^ (uint64_t)early << 2;
    PyObject **place = &was_read[mixed * 0x9E3779B1u >> 20 & (PLACES - 1)];
    PyObject *known = *place;
    if (known != NULL && PyUnicode_GET_LENGTH(known) == length &&
        memcmp((PyASCIIObject *)known + 1, data, (size_t)length) == 0) {
        return Py_NewRef(known);
    }
    PyObject *text = text_of(r, data, length);
    if (text != NULL && PyUnicode_IS_COMPACT_ASCII(text)) {
        *place = Py_NewRef(text);
        Py_XDECREF(known);
    }
    return text;
}

/* How many items the next block of an array or map has; 0 ends it. */
static int64_t get_block(Cursor *r) {
    int64_t count = get_number(r);
    if (unlikely(count < -r->end || count > r->end)) {
        fail(r, "block of more items than bytes");
        return 0;
    }
    if (count < 0) {
        r->canonical = 0;
        count = -count;
        get_number(r); /* the block's size in bytes, which lets others skip it */
    }
    if (unlikely(count > r->end - r->at)) {
        fail(r, "block of more items than bytes");
        return 0;
    }
    return r->failed ? 0 : count;
}

static int64_t next_block(Cursor *r) {
    int64_t count = get_block(r);
    if (count > 0) {
        r->canonical = 0;
    }
    return count;
}

/* Append to an array and give the item up. */
static inline void append(Cursor *r, PyObject *array, PyObject *item) {
    if (likely(item != NULL)) {
        if (unlikely(PyList_Append(array, item) < 0)) {
            fail(r, "not appended");
        }
        Py_DECREF(item);
    }
}

/* Put into a map and give key and item up; `last`: the key before, or NULL, replaced. */
static void put_into(Cursor *r, PyObject *map, PyObject *key, PyObject *item, PyObject **last) {
    if (!r->failed && key != NULL && item != NULL) {
        if (*last != NULL && PyUnicode_Compare(key, *last) <= 0) {
            r->canonical = 0;
        }
        if (PyDict_SetItem(map, key, item) < 0) {
            fail(r, "not put into the map");
        }
        Py_XSETREF(*last, Py_NewRef(key));
    }
    Py_XDECREF(key);
    Py_XDECREF(item);
}

/* A cursor at the body that begins at `position` of `data`. */
static inline Cursor cursor_at(PyObject *data, CPyTagged position) {
    Cursor r = {(const uint8_t *)PyBytes_AS_STRING(data), 0, PyBytes_GET_SIZE(data), 1, 0};
    if (position != CPY_INT_TAG) { /* which stands for the default */
        r.at = CPyTagged_CheckLong(position) ? r.end : (Py_ssize_t)position >> 1;
        if (r.at < 0 || r.at > r.end) {
            r.at = r.end;
        }
    }
    return r;
}

/* The bytes from `start` on. */
static PyObject *body_from(PyObject *data, Py_ssize_t start) {
    if (start == 0) {
        return Py_NewRef(data);
    }
    const char *bytes = PyBytes_AS_STRING(data);
    return PyBytes_FromStringAndSize(bytes + start, PyBytes_GET_SIZE(data) - start);
}

/* The value, if it filled the data; takes it over. */
static inline PyObject *finished(Cursor *r, PyObject *value) {
    if (unlikely(!r->failed && r->at != r->end)) {
        fail(r, "bytes after the record");
    }
    if (unlikely(r->failed)) {
        Py_XDECREF(value);
        return NULL;
    }
    return value;
}

#endif
