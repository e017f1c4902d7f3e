"""Outlook's compressed RTF, unpacked to a file that every word processor opens (MS-OXRTFCP)."""

import struct

LONGEST = 1024 * 1024
_COMPRESSED, _PLAIN = 0x75465A4C, 0x414C454D
_WINDOW = 4096
_BEGINNING = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n" + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def unpacked(data: bytes) -> bytes:
    """Return the RTF, at most so much of it; empty where this is none."""
    if len(data) < 16:
        return b""
    kind = struct.unpack_from("<8xI", data)[0]
    if kind == _PLAIN:
        return data[16 : 16 + LONGEST]
    return _expanded(data) if kind == _COMPRESSED else b""


def _expanded(data: bytes) -> bytes:
    window = bytearray(_BEGINNING.ljust(_WINDOW, b"\0"))
    write = len(_BEGINNING)
    out = bytearray()
    at = 16
    while at < len(data) and len(out) < LONGEST:
        flags = data[at]
        at += 1
        for bit in range(8):
            if flags >> bit & 1:
                if at + 2 > len(data):
                    return bytes(out)
                token = data[at] << 8 | data[at + 1]
                at += 2
                read = token >> 4
                if read == write % _WINDOW:
                    return bytes(out)
                copied = [(read + step) % _WINDOW for step in range((token & 15) + 2)]
            elif at < len(data):
                out.append(data[at])
                window[write % _WINDOW] = data[at]
                at, write = at + 1, write + 1
                continue
            else:
                return bytes(out)
            for place in copied:
                out.append(window[place])
                window[write % _WINDOW] = window[place]
                write += 1
    return bytes(out)
