/* What the sources in C ask of each other. */
#ifndef TOLLGATE_SHARED_H
#define TOLLGATE_SHARED_H

#include <Python.h>
#include <stdint.h>

#include "byteswriter_extra_ops.h"

/* Four bytes, the highest first. */
static inline void put_big(char *at, uint32_t value) {
    for (int byte = 0; byte < 4; byte++) {
        at[byte] = (char)(value >> 8 * (3 - byte));
    }
}

/* Appends the body of a table's row, of whatever kind, at `at`; NULL with an error set. */
char *put_row(BytesWriterObject *w, char *at, PyObject *row);

/* The digest as bytes; NULL with an error set. */
PyObject *sha256_of_memory(const char *data, size_t bytes);

#endif
