/* The rows that an input changed, encoded, and the state digest: as LaneProcessor._changed_rows. */
#pragma GCC diagnostic error "-Wmissing-prototypes"
#include "primitives.h"
#include "shared.h"

#define FEW 16
#define LENGTH_BYTES 4
#define DELETED 0xFFFFFFFFu

typedef pipeline___lane___processor___LaneProcessorObject Processor;
typedef pipeline___risk___state___LaneStateObject State;
typedef pipeline___risk___records___RowGateObject Head;

/* A key, its row or None, and where in the writer the body lies. */
typedef struct {
    PyObject *key;
    PyObject *row;
    Py_ssize_t at;
    Py_ssize_t bytes;
} Changed;

static int in_order(const void *one, const void *other) {
    PyObject *a = ((const Changed *)one)->key;
    PyObject *b = ((const Changed *)other)->key;
    Py_ssize_t of_a = PyBytes_GET_SIZE(a);
    Py_ssize_t of_b = PyBytes_GET_SIZE(b);
    int found = memcmp(PyBytes_AS_STRING(a), PyBytes_AS_STRING(b), (size_t)Py_MIN(of_a, of_b));
    return found != 0 ? found : (of_a > of_b) - (of_a < of_b);
}

static void sort(Changed *rows, Py_ssize_t count) {
    if (count > FEW) {
        qsort(rows, (size_t)count, sizeof *rows, in_order);
        return;
    }
    for (Py_ssize_t done = 1; done < count; done++) {
        Changed next = rows[done];
        Py_ssize_t at = done;
        for (; at > 0 && in_order(&next, &rows[at - 1]) < 0; at--) {
            rows[at] = rows[at - 1];
        }
        rows[at] = next;
    }
}

/* Length and key, length and body of one row. */
static char *put_changed(Writer *w, char *at, Changed *c) {
    Py_ssize_t key_bytes = PyBytes_GET_SIZE(c->key);
    at = room(w, at, key_bytes + 2 * LENGTH_BYTES);
    if (at == NULL) {
        return NULL;
    }
    put_big(at, (uint32_t)key_bytes);
    memcpy(at + LENGTH_BYTES, PyBytes_AS_STRING(c->key), (size_t)key_bytes);
    at += LENGTH_BYTES + key_bytes + LENGTH_BYTES;
    c->at = at - w->buf;
    if (c->row == Py_None) {
        put_big(at - LENGTH_BYTES, DELETED);
        return at;
    }
    at = put_row(w, at, c->row);
    if (at != NULL) {
        c->bytes = at - w->buf - c->at;
        put_big(w->buf + c->at - LENGTH_BYTES, (uint32_t)c->bytes);
    }
    return at;
}

static PyObject *as_tuple(const Writer *w, const Changed *c) {
    PyObject *body = c->row == Py_None ? Py_NewRef(Py_None)
                                       : PyBytes_FromStringAndSize(w->buf + c->at, c->bytes);
    PyObject *pair = body == NULL ? NULL : PyTuple_New(2);
    if (pair == NULL) {
        Py_XDECREF(body);
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0, Py_NewRef(c->key));
    PyTuple_SET_ITEM(pair, 1, body);
    return pair;
}

static PyObject *written_rows(Writer *w, Head *head, Changed *rows, Py_ssize_t count) {
    char *at = put_plain(w, w->buf, PyBytes_AS_STRING(head->_state_digest),
                         PyBytes_GET_SIZE(head->_state_digest));
    for (Py_ssize_t i = 0; at != NULL && i < count; i++) {
        at = put_changed(w, at, &rows[i]);
    }
    PyObject *digest = at == NULL ? NULL : sha256_of_memory(w->buf, (size_t)(at - w->buf));
    if (digest == NULL) {
        return NULL;
    }
    w->len = at - w->buf;
    Py_SETREF(head->_state_digest, digest);
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        PyObject *pair = as_tuple(w, &rows[i]);
        if (pair == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, pair);
        }
    }
    return list;
}

PyObject *CPyDef_processor___LaneProcessor____changed_rows(PyObject *self) {
    Processor *processor = (Processor *)self;
    PyObject *changed = ((State *)processor->_state)->_changed;
    Py_ssize_t count = PyDict_GET_SIZE(changed);
    Changed few[FEW];
    Changed *rows = count <= FEW ? few : PyMem_New(Changed, (size_t)count);
    if (rows == NULL) {
        return PyErr_NoMemory();
    }
    Py_ssize_t place = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyDict_Next(changed, &place, &rows[i].key, &rows[i].row);
    }
    sort(rows, count);
    PyObject *writer = CPyDef_processor___LaneProcessor____empty_writer(self);
    PyObject *list = NULL;
    if (writer != NULL) {
        list = written_rows((Writer *)writer, (Head *)processor->_head, rows, count);
        Py_DECREF(writer);
    }
    if (rows != few) {
        PyMem_Free(rows);
    }
    return list;
}
