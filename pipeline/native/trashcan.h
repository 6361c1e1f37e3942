/* Included before all generated code (pipeline/build.py).

   mypyc guards every deallocation against deep recursion with CPython's trashcan. That links what is
   to be freed later through the header of the cycle collector, which values of `acyclic` classes do
   not have: it would overwrite what lies before them. They are leaves or nearly, and need no guard. */
#include <Python.h>

#ifndef Py_TRASHCAN_BEGIN_CONDITION
#error "the trashcan of this Python is another one: see how it finds what it has put off"
#endif
#undef Py_TRASHCAN_BEGIN
#define Py_TRASHCAN_BEGIN(op, dealloc)                                   \
    Py_TRASHCAN_BEGIN_CONDITION(                                         \
        op, PyType_HasFeature(Py_TYPE(op), Py_TPFLAGS_HAVE_GC) &&        \
                Py_TYPE(op)->tp_dealloc == (destructor)(dealloc))
