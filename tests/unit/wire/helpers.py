"""Octets written out by hand, so that the tests do not believe the encoder."""

from bgpd.wire.capability import Negotiated

MARKER = b"\xff" * 16


def message(kind: int, body: bytes) -> bytes:
    return MARKER + (19 + len(body)).to_bytes(2, "big") + bytes((kind,)) + body


def update(attributes: bytes = b"", nlri: bytes = b"", withdrawn: bytes = b"") -> bytes:
    lengths = len(withdrawn).to_bytes(2, "big"), len(attributes).to_bytes(2, "big")
    return message(2, lengths[0] + withdrawn + lengths[1] + attributes + nlri)


def attr(flags: int, code: int, value: bytes, extended: bool = False) -> bytes:
    if extended:
        return bytes((flags | 0x10, code)) + len(value).to_bytes(2, "big") + value
    return bytes((flags, code, len(value))) + value


ORIGIN = attr(0x40, 1, b"\x00")
AS_PATH = attr(0x40, 2, b"\x02\x01\x00\x00\xfd\xe9")  # 65001
NEXT_HOP = attr(0x40, 3, b"\x0a\x00\x00\x01")
MED = attr(0x80, 4, b"\x00\x00\x00\x05")
LOCAL_PREF = attr(0x40, 5, b"\x00\x00\x00\x64")
COMMUNITIES = attr(0xC0, 8, b"\xfd\xe9\x00\x07")
MANDATORY = ORIGIN + AS_PATH + NEXT_HOP

P1 = b"\x18\x0a\xf4\x01"  # 10.244.1.0/24
P2 = b"\x10\x0a\xf5"  # 10.245.0.0/16
V1 = b"\x30\x20\x01\x0d\xb8\x00\x01"  # 2001:db8:1::/48
V2 = b"\x30\x20\x01\x0d\xb8\x00\x02"
GLOBAL = bytes.fromhex("20010db8000000000000000000000001")
LINK_LOCAL = bytes.fromhex("fe800000000000000000000000000001")

EXTERNAL = Negotiated(local_asn=64512, remote_asn=65001)
INTERNAL = Negotiated()
OLD_EXTERNAL = Negotiated(local_asn=64512, remote_asn=65001, four_octet=False)


def reach(next_hop: bytes = GLOBAL, nlri: bytes = V1, afi: int = 2, safi: int = 1, flags: int = 0x80) -> bytes:
    return attr(flags, 14, afi.to_bytes(2, "big") + bytes((safi, len(next_hop))) + next_hop + b"\x00" + nlri)


def unreach(nlri: bytes = V1, afi: int = 2, safi: int = 1, flags: int = 0x80) -> bytes:
    return attr(flags, 15, afi.to_bytes(2, "big") + bytes((safi,)) + nlri)
