"""Ogg streams with a serial number of their own choosing replaced by 0: the same input then gives the same bytes.

libsndfile draws the serial at random. The CRC of a page (polynomial 0x04C11DB7, nothing inverted) is linear, so the new one is the old one
xor that of a page which is 0 but for the bits that change: no page has to be read in full.

Source: RFC 3533, section 6.
"""

from __future__ import annotations

import struct

from semeq_export.audio.ogg_pages import pages
from semeq_export.files.positioned import write_at

_SERIAL_AT = 14
_POLYNOMIAL = 0x04C11DB7


def zero_serial(descriptor: int) -> None:
    """Set the serial number of every page of an Ogg file to 0, in place. Raises OSError."""
    advances = _byte_advances()
    for offset, page_bytes, header in pages(descriptor):
        serial, number, crc = struct.unpack_from("<III", header, _SERIAL_AT)
        # the changed bits as a polynomial, first byte highest, then as many zero bytes as the page has behind them
        change = int.from_bytes(serial.to_bytes(4, "little"), "big")
        crc ^= _advance(_advance(change, 4, advances), page_bytes - _SERIAL_AT - 4, advances)
        write_at(descriptor, struct.pack("<III", 0, number, crc), offset + _SERIAL_AT)


def _multiply(a: int, b: int) -> int:
    """Return a * b modulo the CRC's polynomial; both have 32 bits, the highest power first."""
    result = 0
    for bit in range(31, -1, -1):
        result = (result << 1) ^ (_POLYNOMIAL if result >> 31 else 0)
        result &= 0xFFFFFFFF
        if b >> bit & 1:
            result ^= a
    return result


def _byte_advances() -> list[int]:
    """Return x^(8 * 2^k) for k = 0..16: what 2^k zero bytes behind a message do to its CRC."""
    advances = [1 << 8]
    for _ in range(16):
        advances.append(_multiply(advances[-1], advances[-1]))
    return advances


def _advance(crc: int, zero_bytes: int, advances: list[int]) -> int:
    for k, advance in enumerate(advances):
        if zero_bytes >> k & 1:
            crc = _multiply(crc, advance)
    return crc
