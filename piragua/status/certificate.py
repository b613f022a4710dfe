"""When the certificate that is served with expires.

Python's standard library reads the dates of certificates of others only, so that the few bytes in question are
looked up in the certificate itself (X.509, DER; RFC 5280, 4.1).
"""

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0


class Unreadable(Exception):
    """Not a certificate, or one in a form that X.509 does not know."""


def expires(path: Path) -> datetime:
    """When the first certificate of the chain in that file expires. Raises Unreadable, OSError."""
    chain = _PEM.findall(path.read_text(encoding="ascii", errors="replace"))
    if not chain:
        raise Unreadable("there is no certificate in it")
    try:
        return min(_not_after(ssl.PEM_cert_to_DER_cert(each)) for each in chain)
    except (ValueError, IndexError, StopIteration) as error:
        raise Unreadable("a certificate in it cannot be read") from error


def _not_after(der: bytes) -> datetime:
    """Certificate -> tbsCertificate -> [version,] serial number, algorithm, issuer, validity -> notAfter."""
    (_, certificate), *_ = _elements(der)
    (_, to_be_signed), *_ = _elements(certificate)
    parts = [each for each in _elements(to_be_signed) if each[0] != _VERSION]
    tag, validity = parts[3]
    (_, _), (kind, date) = _elements(validity)
    if tag != _SEQUENCE or kind not in (_UTC_TIME, _GENERALIZED_TIME):
        raise ValueError("no validity")
    text = date.decode("ascii")
    if kind == _UTC_TIME:  # two digits of the year: 50 to 99 are of the last century
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and contents of each element."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(der[at : at + count], "big")
            at += count
        yield tag, der[at : at + length]
        at += length
