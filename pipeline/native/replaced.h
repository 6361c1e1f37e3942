/* What the sources in C ask of each other. */
#ifndef TOLLGATE_REPLACED_H
#define TOLLGATE_REPLACED_H

#include <Python.h>

#include "byteswriter_extra_ops.h"

/* Appends the body of a table's row, of whatever kind, at `at`; NULL with an error set. */
char *put_row(BytesWriterObject *w, char *at, PyObject *row);

/* The digest as bytes; NULL with an error set. */
PyObject *sha256_of_memory(const char *data, size_t bytes);

#endif
