"""Avro primitives: bytes to values and back, with every length checked before it is believed.

Owns the binary encoding of the Avro specification (1.11, "Binary Encoding") for the types the
contract uses. Never raises anything but `MalformedAvro` for bad bytes, never reads past the end,
never allocates more than the input could fill. Compiled with mypyc; the same source runs plain.
Used by `avro.py`, which is generated from schemas/avro.
"""

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, mypyc_attr, u8

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
_LOW_63_BITS: Final[i64] = 0x7FFF_FFFF_FFFF_FFFF
# A byte of a variable-length integer: seven bits and a flag for "more follow".
_SEVEN_BITS: Final = 127
_MORE: Final = 128
_LENGTHS_OF_ONE_BYTE: Final = 64
_LAST_SHIFT: Final = 63
# Index 1 of a union, in zigzag.
_SECOND_BRANCH: Final = 2
# What does not fit into seven bits; and what is left behind them.
_ABOVE_SEVEN_BITS: Final[i64] = -(1 << 7)
_LOW_57_BITS: Final[i64] = (1 << 57) - 1
# What one byte can hold, in zigzag.
_ONE_BYTE_MAX: Final = 64


class MalformedAvro(ValueError):
    """The bytes are not what the schema says they are."""


@mypyc_attr(acyclic=True, free_list_len=1)
class Reader:
    """A cursor over the bytes of one record.

    `data` is the whole value, `position` where the record's body starts. `canonical`: whether what
    was read so far is as this package writes it, byte for byte.
    """

    def __init__(self, data: bytes, position: int) -> None:
        self.data: Final = data
        self.position: i64 = position
        self.end: Final[i64] = len(data)
        self.canonical = True

    def long(self) -> int:
        """A zigzag variable-length integer of at most 64 bits."""
        position = self.position
        if position < self.end:
            byte: i64 = self.data[position]
            if byte < _MORE:
                self.position = position + 1
                return (byte >> 1) ^ -(byte & 1)
        return self._longer()

    def _longer(self) -> int:
        """`long` of more than one byte, or of none."""
        data = self.data
        position = self.position
        end = self.end
        accumulated: i64 = 0
        shift: i64 = 0
        while True:
            if position >= end:
                raise MalformedAvro("truncated in an integer")
            byte: i64 = data[position]
            position += 1
            if shift == _LAST_SHIFT and byte > 1:
                raise MalformedAvro("integer of more than 64 bits")
            accumulated |= (byte & _SEVEN_BITS) << shift
            if byte < _MORE:
                break
            shift += 7
        if byte == 0 and shift > 0:
            # It would have fitted into fewer bytes.
            self.canonical = False
        self.position = position
        return ((accumulated >> 1) & _LOW_63_BITS) ^ -(accumulated & 1)

    def int32(self) -> int:
        """A zigzag variable-length integer of at most 32 bits."""
        value = self.long()
        if not -(2**31) <= value < 2**31:
            raise MalformedAvro("int of more than 32 bits")
        return value

    def boolean(self) -> bool:
        """One byte, 0 or 1."""
        position = self.position
        if position >= self.end:
            raise MalformedAvro("truncated in a boolean")
        byte: i64 = self.data[position]
        if byte > 1:
            raise MalformedAvro("boolean that is neither 0 nor 1")
        self.position = position + 1
        return byte == 1

    def raw(self) -> bytes:
        """A length and that many bytes."""
        length: i64 = self.long()
        position = self.position
        if length < 0 or length > self.end - position:
            raise MalformedAvro("length beyond the end")
        self.position = position + length
        return self.data[position : position + length]

    def string(self) -> str:
        """A length and that many bytes of UTF-8."""
        try:
            return self.raw().decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedAvro("string that is not UTF-8") from None

    def present(self) -> bool:
        """The index of a union of null and one other type."""
        branch = self.long()
        if branch == 0:
            return False
        if branch == 1:
            return True
        raise MalformedAvro("union branch out of range")

    def optional_long(self) -> int | None:
        """A union of null and a long."""
        return self.long() if self.present() else None

    def optional_int32(self) -> int | None:
        """A union of null and an int."""
        return self.int32() if self.present() else None

    def optional_string(self) -> str | None:
        """A union of null and a string."""
        return self.string() if self.present() else None

    def optional_raw(self) -> bytes | None:
        """A union of null and bytes."""
        return self.raw() if self.present() else None

    def symbol(self, count: int) -> int:
        """The index of an enum symbol or of a union branch, below `count`."""
        index = self.long()
        if not 0 <= index < count:
            raise MalformedAvro("enum symbol or union branch out of range")
        return index

    def block(self) -> int:
        """How many items the next block of an array or map has; 0 ends it."""
        count = self.long()
        # Compared first: the lowest 64-bit number has no positive twin.
        if not -len(self.data) <= count <= len(self.data):
            raise MalformedAvro("block of more items than bytes")
        if count < 0:
            self.canonical = False
            count = -count
            self.long()  # the block's size in bytes, which lets others skip it
        if count > self.end - self.position:
            raise MalformedAvro("block of more items than bytes")
        return count

    def finish(self) -> None:
        """Nothing may follow the record."""
        if self.position != self.end:
            raise MalformedAvro("bytes after the record")


def write_long(writer: BytesWriter, value: int) -> None:
    """Append a zigzag variable-length integer. Raises OverflowError outside int64."""
    # Most are of one byte. As u8, or compiled calls would box the bytes and look the methods up.
    if 0 <= value < _ONE_BYTE_MAX:
        short: i64 = value
        writer.append(u8(short << 1))
    else:
        _write_longer(writer, value)


def _write_longer(writer: BytesWriter, value: int) -> None:
    """`write_long` of a negative integer, or of more than one byte."""
    try:
        number: i64 = value
    except ValueError:  # Compiled, it does not fit; plain, the next check finds that.
        raise OverflowError("outside int64") from None
    sign = number >> _LAST_SHIFT
    if sign != 0 and sign != -1:  # noqa: PLR1714 -- a set would box both
        raise OverflowError("outside int64")
    zigzag = (number << 1) ^ sign
    while zigzag & _ABOVE_SEVEN_BITS:
        writer.append(u8((zigzag & _SEVEN_BITS) | _MORE))
        zigzag = (zigzag >> 7) & _LOW_57_BITS
    writer.append(u8(zigzag))


def write_bytes(writer: BytesWriter, value: bytes) -> None:
    """Append a length and the bytes."""
    length: i64 = len(value)
    if length < _LENGTHS_OF_ONE_BYTE:
        writer.append(u8(length << 1))
    else:
        write_long(writer, length)
    writer.write(value)


def write_string(writer: BytesWriter, value: str) -> None:
    """Append a length and the UTF-8 bytes."""
    write_bytes(writer, value.encode("utf-8"))


def write_optional_long(writer: BytesWriter, value: int | None) -> None:
    """Append a union of null and a variable-length integer."""
    if value is None:
        writer.append(0)
    else:
        writer.append(_SECOND_BRANCH)
        write_long(writer, value)


def write_optional_bytes(writer: BytesWriter, value: bytes | None) -> None:
    """Append a union of null and bytes."""
    if value is None:
        writer.append(0)
    else:
        writer.append(_SECOND_BRANCH)
        write_bytes(writer, value)


def write_optional_string(writer: BytesWriter, value: str | None) -> None:
    """Append a union of null and a string."""
    if value is None:
        writer.append(0)
    else:
        writer.append(_SECOND_BRANCH)
        write_string(writer, value)
