"""Writes the value classes and their codecs from schemas/avro: `python -m pipeline.codecs.generate`.

Owns the text of `pipeline/risk/records.py` (values, which the pure core uses) and
`pipeline/codecs/avro.py` (bytes), and writes what `generate_native.py` makes of the same contract. A
test holds all files to the schemas, and the codecs to fastavro. With `--check`, writes nothing and
exits 1 on a difference.
"""

import argparse
import sys
from pathlib import Path
from textwrap import wrap
from typing import Final

from pipeline.codecs import generate_native
from pipeline.codecs.contract import (
    DRAFTED,
    KEPT,
    PASSING,
    SPREAD,
    Contract,
    class_name,
)
from pipeline.codecs.schemas import Schema

_ROOT = Path(__file__).parents[2]
RECORDS_PATH = _ROOT / "pipeline/risk/records.py"
CODECS_PATH = _ROOT / "pipeline/codecs/avro.py"
NATIVE_PATH = _ROOT / "pipeline/native/avro.c"
NATIVE_HEADER_PATH = _ROOT / "pipeline/native/avro.h"

_READERS = {
    "long": "long",
    "int": "int32",
    "boolean": "boolean",
    "string": "string",
    "bytes": "raw",
}
_WRITERS = {
    "long": "write_long",
    "int": "write_long",
    "string": "write_string",
    "bytes": "write_bytes",
}


class Generator:
    """Renders the two modules in Python."""

    def __init__(self, contract: Contract) -> None:
        self.contract: Final = contract

    # -- values

    def render_records(self) -> str:
        """The text of pipeline/risk/records.py."""
        lines = [
            '"""The contract as values, generated from schemas/avro. Do not edit: `make generate`.',
            "",
            "One class a record, one integer a symbol of an enum. Messages are immutable; the table's",
            "rows (`Row...`) are not, because only the core changes them. Nothing here reads, writes or",
            'computes.\n"""',
            "",
            "# ruff: noqa: E501, PLR0913 -- the shape is the contract's",
            "from typing import Final",
            "",
            "from mypy_extensions import mypyc_attr",
            "",
        ]
        for name, schema in self.contract.enums.items():
            symbols = schema["symbols"]
            lines += [f"# {line}" for line in wrap(f"{name}: {schema['doc']}", 96)]
            lines += [
                f"{name.upper()}_{symbol}: Final = {index}" for index, symbol in enumerate(symbols)
            ]
            listed = ", ".join(f'"{symbol}"' for symbol in symbols)
            lines += [f"{name.upper()}_NAMES: Final = ({listed})", ""]
        for record in self.contract.records:
            lines += self._render_class(record)
        return "\n".join(lines) + "\n"

    def _render_class(self, record: dict[str, Schema]) -> list[str]:
        fields = record["fields"]
        mutable = record["name"].startswith("row_") or record["name"] in DRAFTED
        lines = ["", f"class {class_name(record['name'])}:", f'    """{record["doc"]}', ""]
        passing = ", free_list_len=1" if record["name"] in PASSING else ""
        lines.insert(1, f"@mypyc_attr(acyclic=True{passing})")
        for field in fields:
            lines += wrap(
                f"{field['name']}: {field['doc']}",
                92,
                initial_indent="    ",
                subsequent_indent="        ",
            )
        lines += ['    """', "", "    def __init__(", "        self,"]
        optional = _left_out_at_the_end(fields)
        for index, field in enumerate(fields):
            default = f" = {field['default']!r}" if index >= optional else ""
            lines.append(
                f"        {field['name']}: {self.contract.annotation(field['type'])}{default},"
            )
        lines += ["    ) -> None:"]
        for field in fields:
            final = "" if mutable else ": Final"
            lines.append(f"        self.{field['name']}{final} = {field['name']}")
        if record["name"] in KEPT:
            lines += [
                "        # Not of the contract: whether the codec keeps its bytes, and those bytes.",
                "        self.kept: bool = False",
                "        self.encoded: bytes | None = None",
            ]
        return [*lines, ""]

    # -- codecs

    def render_codecs(self) -> str:
        """The text of pipeline/codecs/avro.py."""
        classes = sorted(class_name(record["name"]) for record in self.contract.records)
        lines = [
            '"""Avro codecs of the contract, generated from schemas/avro. Do not edit: `make generate`.',
            "",
            "`write_X` appends the body of a record to a writer; `encode_X` returns it; `read_X` reads it at",
            "a cursor; `decode_X` reads a whole value from `position` on and refuses what follows it. Maps",
            "are written in key order, so equal values have equal bytes. Raises `MalformedAvro` for bad",
            'bytes, OverflowError for an integer outside int64.\n"""',
            "",
            "# ruff: noqa: C901, E501, PLR0912, PLR0913, PLR0915 -- one function a record, as long as the record",
            "from librt.strings import BytesWriter",
            "",
            "from pipeline.codecs.primitives import (",
            "    Reader,",
            "    write_bytes,",
            "    write_long,",
            "    write_optional_bytes,",
            "    write_optional_long,",
            "    write_optional_string,",
            "    write_string,",
            ")",
            "from pipeline.risk.records import (",
            *[f"    {name}," for name in classes],
            ")",
            "",
        ]
        for record in self.contract.records:
            lines += self._render_codec(record)
        return "\n".join(lines) + "\n"

    def _render_codec(self, record: dict[str, Schema]) -> list[str]:
        name, cls = record["name"], class_name(record["name"])
        lines = [
            "",
            f"def write_{name}(w: BytesWriter, v: {cls}) -> None:",
            f'    """Append the body of a `{name}`."""',
        ]
        if name in KEPT:
            lines += [
                "    encoded = v.encoded",
                "    if encoded is None and v.kept:",
                "        own = BytesWriter()",
                f"        _write_{name}_fields(own, v)",
                "        encoded = own.getvalue()",
                "        v.encoded = encoded",
                "    if encoded is None:",
                f"        _write_{name}_fields(w, v)",
                "    else:",
                "        w.write(encoded)",
                "",
                "",
                f"def _write_{name}_fields(w: BytesWriter, v: {cls}) -> None:",
            ]
        own = "v."
        if name in SPREAD:
            own = ""
            lines += [
                f"    write_{name}_of(",
                "        w,",
                *(f"        v.{field['name']}," for field in record["fields"]),
                "    )",
                "",
                "",
                f"def write_{name}_of(",
                "    w: BytesWriter,",
                *(
                    f"    {f['name']}: {self.contract.annotation(f['type'])},"
                    for f in record["fields"]
                ),
                ") -> None:",
                f'    """Append the body of the `{name}` that has these fields."""',
            ]
        for field in record["fields"]:
            lines += self._write(field["type"], own + field["name"], field["name"], "    ")
        lines += [
            "",
            "",
            f"def encode_{name}(v: {cls}) -> bytes:",
            f'    """The body of a `{name}`."""',
        ]
        lines += [
            "    w = BytesWriter()",
            f"    write_{name}(w, v)",
            "    return w.getvalue()",
            "",
            "",
        ]
        lines += [f"def read_{name}(r: Reader) -> {cls}:", f'    """A `{name}` at the cursor."""']
        for field in record["fields"]:
            lines += self._read(field["type"], field["name"], "    ", declare=True)
        names = ", ".join(field["name"] for field in record["fields"])
        lines += [f"    return {cls}({names})", "", ""]
        lines += [
            f"def decode_{name}(data: bytes, position: int = 0) -> {cls}:",
            f'    """The `{name}` that fills `data` from `position` on."""',
        ]
        lines += [
            "    r = Reader(data, position)",
            f"    v = read_{name}(r)",
            "    r.finish()",
            *(
                [
                    "    if r.canonical:",
                    "        v.encoded = data[position:] if position else data",
                ]
                if name in KEPT
                else []
            ),
            "    return v",
            "",
        ]
        return lines

    def _write(self, schema: Schema, value: str, name: str, pad: str) -> list[str]:
        kind, detail = self.contract.resolve(schema)
        if kind == "plain":
            if detail == "boolean":
                return [f"{pad}w.append(1 if {value} else 0)"]
            return [f"{pad}{_WRITERS[detail]}(w, {value})"]
        if kind == "enum":
            return [f"{pad}write_long(w, {value})"]
        if kind == "record":
            return [f"{pad}write_{detail}(w, {value})"]
        if kind == "optional":
            return self._write_optional(detail, value, name, pad)
        if kind == "array":
            inner = self._write(detail, f"{name}_item", f"{name}_item", pad + "        ")
            if self.contract.resolve(detail)[1] in KEPT:
                inner = [
                    f"{pad}        {name}_bytes = {name}_item.encoded",
                    f"{pad}        if {name}_bytes is None:",
                    *[f"    {line}" for line in inner],
                    f"{pad}        else:",
                    f"{pad}            w.write({name}_bytes)",
                ]
            return [
                f"{pad}{name}_ = {value}",
                f"{pad}if {name}_:",
                f"{pad}    write_long(w, len({name}_))",
                f"{pad}    for {name}_item in {name}_:",
                *inner,
                f"{pad}w.append(0)",
            ]
        if kind == "map":
            inner = self._write(detail, f"{name}_[{name}_key]", f"{name}_item", pad + "        ")
            return [
                f"{pad}{name}_ = {value}",
                f"{pad}if {name}_:",
                f"{pad}    write_long(w, len({name}_))",
                f"{pad}    for {name}_key in sorted({name}_):",
                f"{pad}        write_string(w, {name}_key)",
                *inner,
                f"{pad}w.append(0)",
            ]
        lines = [f"{pad}{name}_ = {value}"]
        for index, branch in enumerate(detail):
            _, record = self.contract.resolve(branch)
            word = "if" if index == 0 else "elif"
            test = f"isinstance({name}_, {class_name(record)})"
            lines += [
                f"{pad}{word} {test}:",
                f"{pad}    w.append({2 * index})",
                f"{pad}    write_{record}(w, {name}_)",
            ]
        return lines

    def _write_optional(self, schema: Schema, value: str, name: str, pad: str) -> list[str]:
        kind, detail = self.contract.resolve(schema)
        if kind == "enum":
            return [f"{pad}write_optional_long(w, {value})"]
        if kind == "plain" and detail in _WRITERS:
            writer = _WRITERS[detail].replace("write_", "write_optional_")
            return [f"{pad}{writer}(w, {value})"]
        return [
            f"{pad}{name}_ = {value}",
            f"{pad}if {name}_ is None:",
            f"{pad}    w.append(0)",
            f"{pad}else:",
            f"{pad}    w.append(2)",
            *self._write(schema, f"{name}_", name, pad + "    "),
        ]

    def _read(self, schema: Schema, name: str, pad: str, *, declare: bool) -> list[str]:
        kind, detail = self.contract.resolve(schema)
        typed = f": {self.contract.annotation(schema)}" if declare else ""
        if kind == "plain":
            return [f"{pad}{name} = r.{_READERS[detail]}()"]
        if kind == "enum":
            return [f"{pad}{name} = r.symbol({len(self.contract.enums[detail]['symbols'])})"]
        if kind == "record":
            return [f"{pad}{name} = read_{detail}(r)"]
        if kind == "optional":
            of, piece = self.contract.resolve(detail)
            if of == "plain" and piece in _WRITERS:
                return [f"{pad}{name} = r.optional_{_READERS[piece]}()"]
            return [
                f"{pad}{name}{typed} = None",
                f"{pad}if r.present():",
                *self._read(detail, name, pad + "    ", declare=False),
            ]
        if kind in ("array", "map"):
            keyed = kind == "map"
            inner = self._read(detail, f"{name}_item", pad + "        ", declare=True)
            return [
                f"{pad}{name}{typed} = {'{}' if keyed else '[]'}",
                *([f'{pad}{name}_last = ""'] if keyed else []),
                f"{pad}{name}_count = r.block()",
                f"{pad}while {name}_count > 0:",
                f"{pad}    for _ in range({name}_count):",
                *(
                    [
                        f"{pad}        {name}_key = r.string()",
                        f"{pad}        if {name} and {name}_key <= {name}_last:",
                        f"{pad}            r.canonical = False",
                        f"{pad}        {name}_last = {name}_key",
                    ]
                    if keyed
                    else []
                ),
                *inner,
                f"{pad}        {name}[{name}_key] = {name}_item"
                if keyed
                else f"{pad}        {name}.append({name}_item)",
                f"{pad}    {name}_count = r.block()",
                f"{pad}    if {name}_count:",
                f"{pad}        r.canonical = False",
            ]
        lines = [f"{pad}{name}_branch = r.symbol({len(detail)})"]
        for index, branch in enumerate(detail):
            _, record = self.contract.resolve(branch)
            if index == 0:
                lines += [f"{pad}{name}{typed}", f"{pad}if {name}_branch == 0:"]
            elif index == len(detail) - 1:
                lines += [f"{pad}else:"]
            else:
                lines += [f"{pad}elif {name}_branch == {index}:"]
            lines += [f"{pad}    {name} = read_{record}(r)"]
        return lines


def _left_out_at_the_end(fields: list[dict[str, Schema]]) -> int:
    """Index of the first of the last fields that a caller may leave out: absent or false."""
    first = len(fields)
    while first > 0 and fields[first - 1].get("default", "") in (None, False):
        first -= 1
    return first


def rendered() -> dict[Path, str]:
    """The text of every generated file."""
    generator = Generator(Contract())
    return {
        RECORDS_PATH: generator.render_records(),
        CODECS_PATH: generator.render_codecs(),
        NATIVE_PATH: generate_native.render_source(),
        NATIVE_HEADER_PATH: generate_native.render_header(),
    }


def main() -> int:
    """Write the files, or with --check compare them."""
    parser = argparse.ArgumentParser(
        description="Generate value classes and codecs from schemas/avro."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 when a file is not current"
    )
    check = parser.parse_args().check
    stale = False
    for path, text in rendered().items():
        if check:
            stale |= not path.exists() or path.read_text() != text
        else:
            path.write_text(text)
    if stale:
        sys.stderr.write("generated codecs are not current: run `make generate`\n")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
