/* Makes the compiled function of pipeline/codecs/sha256.py give way, when linked, to that of sha256.c. */
#include <Python.h>

PyObject *CPyDef_sha256___sha256_of(PyObject *) __attribute__((weak));
