/* Makes a compiled function of pipeline/streaming/record_batch.py give way to that of sealing.c. */
#include <Python.h>

PyObject *CPyDef_record_batch___sealed_by_library(PyObject *, PyObject *) __attribute__((weak));
