"""The contract's codecs in C, which replace those of `avro.py` where the modules are compiled.

Owns the text of `pipeline/native/avro.c` and `avro.h`: the same bytes and the same refusals, read
from and written into the fields of compiled records directly. What each line calls is in
`pipeline/native/primitives.h`. `generate.py` writes the files.
"""

from itertools import chain
from typing import Final

from pipeline.codecs.contract import KEPT, RECURRING, SPREAD, Contract, class_name
from pipeline.codecs.schemas import Schema

_HEAD: Final = "/* Generated from schemas/avro. Do not edit: `make generate`."
# Rows of which every accepted order changes one.
_FREQUENT: Final = ("row_order", "row_user", "row_balance", "row_position", "row_recent")
# How mypyc hands a field of a plain type over; all others are objects.
_C_TYPES: Final = {"long": "CPyTagged", "int": "CPyTagged", "boolean": "char"}


def render_header() -> str:
    """The text of pipeline/native/avro.h."""
    return _render(_declarations(Contract()))


def render_source() -> str:
    """The text of pipeline/native/avro.c."""
    contract = Contract()
    codecs = chain.from_iterable(_Codec(contract, record).lines() for record in contract.records)
    return _render(
        [
            _HEAD,
            "",
            "   Each function that pipeline/codecs/avro.py has under the same name does the same. */",
            '#pragma GCC diagnostic error "-Wmissing-prototypes"',
            '#include "primitives.h"',
            '#include "shared.h"',
            *codecs,
            *_rows(contract),
        ]
    )


def _render(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def _declarations(contract: Contract) -> list[str]:
    lines = [
        _HEAD,
        "",
        "   Makes the compiled functions of pipeline/codecs/avro.py give way, when linked, to those of",
        "   avro.c. Included before the code that mypyc has made. */",
        "#include <Python.h>",
        "",
        "#include <CPy.h>",
        "",
    ]
    for record in contract.records:
        name = record["name"]
        declared = [
            f"char CPyDef_avro___write_{name}(PyObject *, PyObject *)",
            f"PyObject *CPyDef_avro___decode_{name}(PyObject *, CPyTagged)",
        ]
        if name in SPREAD:
            types = ", ".join(_c_type(contract, f["type"]) for f in record["fields"])
            declared.append(f"char CPyDef_avro___write_{name}_of(PyObject *, {types})")
        lines += [f"{line} __attribute__((weak));" for line in declared]
    return lines


def _rows(contract: Contract) -> list[str]:
    """What writes a row whose kind only its type tells."""
    names = [record["name"] for record in contract.records]
    # Those of an accepted order first.
    kinds = [*_FREQUENT, *(name for name in names if _is_row(name) and name not in _FREQUENT)]
    lines = [
        "",
        "char *put_row(Writer *w, char *at, PyObject *row) {",
        "    PyTypeObject *type = Py_TYPE(row);",
    ]
    for name in kinds:
        cls = class_name(name)
        lines += [
            f"    if (type == CPyType_records___{cls}) {{",
            f"        return put_{name}(w, at, ({_struct_of(name)} *)row);",
            "    }",
        ]
    return [
        *lines,
        '    PyErr_SetString(PyExc_TypeError, "no row of a table");',
        "    return NULL;",
        "}",
    ]


def _is_row(name: str) -> bool:
    return name.startswith("row_") or name == "control"


def _struct_of(record: str) -> str:
    return f"pipeline___risk___records___{class_name(record)}Object"


def _c_type(contract: Contract, schema: Schema) -> str:
    kind, detail = contract.resolve(schema)
    if kind == "enum":
        return "CPyTagged"
    return _C_TYPES.get(detail, "PyObject *") if kind == "plain" else "PyObject *"


def _declared(c_type: str, name: str) -> str:
    return f"{c_type}{'' if c_type.endswith('*') else ' '}{name}"


class _Codec:
    """The functions of one record."""

    def __init__(self, contract: Contract, record: dict[str, Schema]) -> None:
        self._contract: Final = contract
        self._name: Final[str] = record["name"]
        self._fields: Final[list[dict[str, Schema]]] = record["fields"]
        self._type: Final = _struct_of(self._name)

    def lines(self) -> list[str]:
        return ["", f"/* -- {self._name} */", *self._writers(), *self._readers()]

    # -- writing

    def _writers(self) -> list[str]:
        name = self._name
        kept = name in KEPT
        parameters = "Writer *w, char *at"
        if name in SPREAD:
            fields = ", ".join(
                _declared(_c_type(self._contract, field["type"]), field["name"])
                for field in self._fields
            )
            of, own = f"{parameters}, {fields}", ""
        else:
            of, own = f"{parameters}, {self._type} *v", "v->_"
        body = f"put_{name}_fields" if kept or name in SPREAD else f"put_{name}"
        lines = ["", f"static char *{body}({of}) {{"]
        if body == f"put_{name}":
            lines += self._undefined()
        for field in self._fields:
            lines += self._put(field["type"], own + field["name"], field["name"], "    ", True)
        lines += ["    return at;", "}"]
        if kept:
            lines += self._put_kept()
        elif name in SPREAD:
            lines += self._put_spread(of)
        return [
            *lines,
            "",
            f"char CPyDef_avro___write_{name}(PyObject *w, PyObject *v) {{",
            f"    return written(w, put_{name}((Writer *)w, START(w), ({self._type} *)v));",
            "}",
        ]

    def _undefined(self) -> list[str]:
        return ["    if (unlikely(v == NULL)) {", "        return put_undefined();", "    }"]

    def _put_kept(self) -> list[str]:
        return [
            "",
            f"static char *put_{self._name}(Writer *w, char *at, {self._type} *v) {{",
            *self._undefined(),
            "    if (v->_encoded != NULL && v->_encoded != Py_None) {",
            "        return put_encoded(w, at, v->_encoded);",
            "    }",
            "    Py_ssize_t start = at - w->buf;",
            f"    at = put_{self._name}_fields(w, at, v);",
            "    if (at != NULL && v->_kept == 1) {",
            "        Py_ssize_t length = at - w->buf - start;",
            "        PyObject *encoded = PyBytes_FromStringAndSize(w->buf + start, length);",
            "        if (encoded == NULL) {",
            "            return NULL;",
            "        }",
            "        Py_XSETREF(v->_encoded, encoded);",
            "    }",
            "    return at;",
            "}",
        ]

    def _put_spread(self, parameters: str) -> list[str]:
        names = [field["name"] for field in self._fields]
        own = ", ".join(f"v->_{name}" for name in names)
        given = parameters.removeprefix("Writer *w, char *at, ")
        return [
            "",
            f"static char *put_{self._name}(Writer *w, char *at, {self._type} *v) {{",
            *self._undefined(),
            f"    return put_{self._name}_fields(w, at, {own});",
            "}",
            "",
            f"char CPyDef_avro___write_{self._name}_of(PyObject *w, {given}) {{",
            f"    return written(w, put_{self._name}_fields((Writer *)w, START(w), {', '.join(names)}));",
            "}",
        ]

    def _put(self, schema: Schema, value: str, name: str, pad: str, field: bool) -> list[str]:
        """Lines that write a value; `field`: it is one, and no object out of an array or map."""
        kind, detail = self._contract.resolve(schema)
        if kind == "plain" and detail == "boolean":
            return [f"{pad}PUT(put_boolean(w, at, {value if field else f'{value} == Py_True'}));"]
        if kind == "enum" or (kind == "plain" and detail in ("int", "long")):
            return [f"{pad}PUT(put_{'long' if field else 'number'}(w, at, {value}));"]
        if kind == "plain":
            return [f"{pad}PUT(put_{detail}(w, at, {value}));"]
        if kind == "record":
            return [f"{pad}PUT(put_{detail}(w, at, ({_struct_of(detail)} *){value}));"]
        if kind == "optional":
            put = self._put_optional(detail)
            if put is not None:
                return [f"{pad}PUT({put}(w, at, {value}));"]
            return [
                f"{pad}if ({value} == Py_None) {{",
                f"{pad}    PUT(put_byte(w, at, 0));",
                f"{pad}}} else {{",
                f"{pad}    PUT(put_byte(w, at, 2));",
                *self._put(detail, value, name, pad + "    ", False),
                f"{pad}}}",
            ]
        if kind == "array":
            return self._put_array(detail, value, name, pad)
        if kind == "map":
            return [f"{pad}PUT(put_map(w, at, {value}, {self._put_item(detail)}));"]
        return self._put_union(detail, value, pad)

    def _put_optional(self, schema: Schema) -> str | None:
        """What writes an optional value that is a number, string or bytes."""
        item = self._put_item(schema)
        return None if item is None else item.replace("put_", "put_optional_")

    def _put_item(self, schema: Schema) -> str | None:
        """What writes an object that is a number, string or bytes."""
        kind, detail = self._contract.resolve(schema)
        if kind == "enum" or (kind == "plain" and detail in ("int", "long")):
            return "put_number"
        return f"put_{detail}" if kind == "plain" and detail in ("string", "bytes") else None

    def _put_array(self, items: Schema, value: str, name: str, pad: str) -> list[str]:
        return [
            f"{pad}if (unlikely({value} == NULL)) {{",
            f"{pad}    return put_undefined();",
            f"{pad}}}",
            f"{pad}if (PyList_GET_SIZE({value}) > 0) {{",
            f"{pad}    PUT(put_long(w, at, (CPyTagged)PyList_GET_SIZE({value}) << 1));",
            f"{pad}    for (Py_ssize_t i = 0; i < PyList_GET_SIZE({value}); i++) {{",
            f"{pad}        PyObject *{name}_item = PyList_GET_ITEM({value}, i);",
            *self._put(items, f"{name}_item", f"{name}_item", pad + "        ", False),
            f"{pad}    }}",
            f"{pad}}}",
            f"{pad}PUT(put_byte(w, at, 0));",
        ]

    def _put_union(self, branches: Schema, value: str, pad: str) -> list[str]:
        lines: list[str] = []
        for index, branch in enumerate(branches):
            record = self._contract.resolve(branch)[1]
            test = f"Py_TYPE({value}) == CPyType_records___{class_name(record)}"
            lines += [
                f"{pad}{'if' if index == 0 else '} else if'} ({test}) {{",
                f"{pad}    PUT(put_byte(w, at, {2 * index}));",
                f"{pad}    PUT(put_{record}(w, at, ({_struct_of(record)} *){value}));",
            ]
        return [
            f"{pad}if (unlikely({value} == NULL)) {{",
            f"{pad}    return put_undefined();",
            f"{pad}}}",
            *lines,
            f"{pad}}}",
        ]

    # -- reading

    def _readers(self) -> list[str]:
        name, cls = self._name, class_name(self._name)
        names = [field["name"] for field in self._fields]
        lines = ["", f"static PyObject *get_{name}(Cursor *r) {{"]
        for field in self._fields:
            lines += self._get_field(field["type"], field["name"])
        lines += [
            f"    PyObject *v = r->failed ? NULL : made(r, CPyDef_records___{cls}({', '.join(names)}));",
            *chain.from_iterable(self._given_up(field) for field in self._fields),
            "    return v;",
            "}",
            "",
            f"PyObject *CPyDef_avro___decode_{name}(PyObject *data, CPyTagged position) {{",
            "    Cursor r = cursor_at(data, position);",
        ]
        if name not in KEPT:
            return [*lines, f"    return finished(&r, get_{name}(&r));", "}"]
        return [
            *lines,
            "    Py_ssize_t start = r.at;",
            f"    PyObject *v = finished(&r, get_{name}(&r));",
            "    if (v != NULL && r.canonical) {",
            "        PyObject *encoded = body_from(data, start);",
            "        if (encoded == NULL) {",
            "            Py_DECREF(v);",
            "            return NULL;",
            "        }",
            f"        Py_XSETREF((({self._type} *)v)->_encoded, encoded);",
            "    }",
            "    return v;",
            "}",
        ]

    def _get_field(self, schema: Schema, name: str) -> list[str]:
        kind, detail = self._contract.resolve(schema)
        if kind == "array":
            return [
                f"    PyObject *{name} = made(r, PyList_New(0));",
                "    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {",
                "        while (left-- > 0 && !r->failed) {",
                f"            append(r, {name}, {self._object(detail, name)});",
                "        }",
                "    }",
            ]
        if kind == "map":
            return [
                f"    PyObject *{name} = made(r, PyDict_New());",
                f"    PyObject *{name}_last = NULL;",
                "    for (int64_t left = get_block(r); left > 0; left = next_block(r)) {",
                "        while (left-- > 0 && !r->failed) {",
                "            PyObject *key = get_string(r);",
                f"            PyObject *item = {self._object(detail, name)};",
                f"            put_into(r, {name}, key, item, &{name}_last);",
                "        }",
                "    }",
                f"    Py_XDECREF({name}_last);",
            ]
        if kind == "union":
            lines = [
                f"    PyObject *{name} = NULL;",
                f"    switch (get_index(r, {len(detail)})) {{",
            ]
            for index, branch in enumerate(detail):
                lines += [
                    f"    case {index}:",
                    f"        {name} = get_{self._contract.resolve(branch)[1]}(r);",
                    "        break;",
                ]
            return [*lines, "    }"]
        c_type = _c_type(self._contract, schema)
        if c_type == "PyObject *":
            return [f"    PyObject *{name} = {self._object(schema, name)};"]
        if kind == "enum":
            return [f"    CPyTagged {name} = get_symbol(r, {self._symbols(detail)});"]
        return [f"    {c_type} {name} = get_{detail}(r);"]

    def _object(self, schema: Schema, name: str) -> str:
        """Reads a value as a new object, NULL on failure."""
        kind, detail = self._contract.resolve(schema)
        if kind == "optional":
            return f"get_present(r) ? {self._object(detail, name)} : Py_NewRef(Py_None)"
        if kind == "enum":
            return f"get_symbol_object(r, {self._symbols(detail)})"
        if kind == "record":
            return f"get_{detail}(r)"
        if detail == "string":
            return f"get_{'recurring' if name in RECURRING else 'string'}(r)"
        return f"get_{detail}(r)" if detail == "bytes" else f"get_{detail}_object(r)"

    def _symbols(self, enum: str) -> int:
        return len(self._contract.enums[enum]["symbols"])

    def _given_up(self, field: dict[str, Schema]) -> list[str]:
        c_type = _c_type(self._contract, field["type"])
        if c_type == "char":
            return []
        release = "CPyTagged_DECREF" if c_type == "CPyTagged" else "Py_XDECREF"
        return [f"    {release}({field['name']});"]
