/* Compiled functions that give way, when linked, to those of the same name in the sources in C.
   Included before the code that mypyc has made; those of the codecs are in avro.h. */
#include <Python.h>

PyObject *CPyDef_sha256___sha256_of(PyObject *) __attribute__((weak));
PyObject *CPyDef_processor___LaneProcessor____changed_rows(PyObject *) __attribute__((weak));
char CPyDef_record_batch___RecordBatch___append(
    PyObject *, PyObject *, PyObject *, PyObject *, PyObject *) __attribute__((weak));
PyObject *CPyDef_record_batch___made_together(PyObject *, PyObject *) __attribute__((weak));
