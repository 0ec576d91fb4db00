"""The table: malformed and odd messages, and what the RFCs demand. One value a case.

Where an RFC leaves a choice, a case has several demands; the first one is what we do. UPDATEs announce two prefixes:
the old one, which was announced before in good order, and a new one. So "treat-as-withdraw" (RFC 7606) shows in the
old one being gone, "attribute discard" in both being there without the attribute.
"""

import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.conformance.judge import PARTIAL, Demand, Notice
from tests.conformance.octets import (
    DAEMON_ASN,
    EXTERNAL_ASN,
    HOP6,
    KEEP,
    KEEPALIVE,
    MARKER,
    OPEN,
    ROUTE_REFRESH,
    UPDATE,
    Slot,
    attr,
    block,
    capability,
    extended_open,
    four_octet,
    message,
    multiprotocol,
    nlri,
    notification,
    open_message,
    parameter,
    raw_update,
    reach_value,
    refresh,
    sequence,
    unreach_value,
    update,
    update6,
    usual,
    wide_parameter,
)

Build = Callable[[Slot], bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """One odd message, and what is right."""

    name: str  #: unique, a few words
    rfc: str  #: where the demand stands
    stage: str  #: what it is sent instead of, or after: open | confirm | established
    data: Build
    demands: tuple[Demand, ...]
    internal: bool = False
    wide: bool = True  #: the session has 4-octet AS numbers
    ipv6: bool = False  #: its routes are IPv6
    hello: Build | None = None  #: another OPEN than the usual one
    needs: int = 0  #: a capability that the daemon must have sent, or else `otherwise` counts
    otherwise: tuple[Demand, ...] = ()
    mark: str = "ipv4"  #: family of the route that shows that the session lives; "" for none

    @property
    def demanded(self) -> str:
        texts = list(dict.fromkeys(demand.text for demand in self.demands))
        texts += [f"{demand.text} where the capability is not offered" for demand in self.otherwise]
        return " or ".join(texts)


# ===== demands =====

KEPT = Demand("session up, routes kept", routes=True)
UP = Demand("session up")
WITHDRAWN = Demand("treat-as-withdraw", routes=False)
UNUSED = Demand("session up, route not used", routes=False)
SILENT = Demand("closed without a NOTIFICATION", up=False, silent=True)


def notice(code: int, subcode: int, data: bytes | None = None) -> Demand:
    text = f"{code}/{subcode}" + (f" `{data[:12].hex()}`" if data else "")
    return Demand(text, up=False, notices=(Notice(code, subcode, data),))


def either(*demands: Demand) -> tuple[Demand, ...]:
    return demands


def without(code: int) -> Demand:
    return Demand("attribute discard", routes=True, attrs={code: None})


def carries(text: str, code: int, flags: int, value: bytes) -> Demand:
    return Demand(text, routes=True, attrs={code: (flags, value)})


def resets(*subcodes: int) -> Demand:
    """UPDATE Message Error, any of these subcodes."""
    text = "session reset, " + " or ".join(f"3/{subcode}" for subcode in subcodes)
    return Demand(text, up=False, notices=tuple(Notice(3, subcode) for subcode in subcodes))


# ===== shorthands =====


def in_open(name: str, rfc: str, data: Build, *demands: Demand, internal: bool = False, mark: str = "ipv4") -> Case:
    """Sent where OPEN is expected."""
    return Case(name, rfc, "open", data, demands, internal=internal, mark=mark)


def in_confirm(name: str, rfc: str, data: Build, *demands: Demand) -> Case:
    """Sent where the first KEEPALIVE is expected."""
    return Case(name, rfc, "confirm", data, demands)


def later(name: str, rfc: str, data: Build, *demands: Demand, internal: bool = False, ipv6: bool = False) -> Case:
    """Sent once the session is up."""
    return Case(name, rfc, "established", data, demands, internal=internal, ipv6=ipv6)


def with_attr(name: str, rfc: str, data: bytes, *demands: Demand, internal: bool = False) -> Case:
    """Two good routes with this attribute added, or in place of the usual one."""
    return later(name, rfc, lambda s: update(s, {data[1]: data}), *demands, internal=internal)


def old_style(name: str, rfc: str, data: Build, *demands: Demand) -> Case:
    """On a session with AS numbers of two octets."""
    return Case(
        name, rfc, "established", data, demands, wide=False, hello=lambda s: open_message(s, usual(s, wide=False))
    )


def _always(data: bytes) -> Build:
    return lambda _: data


# ===== the message header: RFC 4271 section 6.1 =====


def headers() -> Iterator[Case]:
    rfc = "4271 6.1"
    no_marker = bytes(16)
    yield in_open("marker all zeros", rfc, _always(message(OPEN, bytes(10), marker=no_marker)), notice(1, 1))
    yield in_open("not BGP at all", rfc, _always(b"GET / HTTP/1.1\r\nHost: router\r\n\r\n"), notice(1, 1))
    last = MARKER[:15] + b"\xfe"
    yield later("marker wrong in its last octet", rfc, _always(message(KEEPALIVE, marker=last)), notice(1, 1))
    for length in (0, 18):
        data = message(UPDATE, bytes(4), length)
        yield later(f"length {length}", rfc, _always(data), notice(1, 2, struct.pack("!H", length)))
    for length in (4097, 65535):  # whoever offers extended messages has to take them, whatever the peer offers
        yield Case(
            f"UPDATE with length {length}",
            f"{rfc}, 8654 4",
            "established",
            _always(message(UPDATE, bytes(4), length)),
            (Demand("the rest is waited for, where extended messages were offered"),),
            needs=6,
            otherwise=(notice(1, 2, struct.pack("!H", length)),),
            mark="",
        )
    yield in_open("OPEN of 28 octets", rfc, _always(message(OPEN, bytes(9))), notice(1, 2, b"\0\x1c"))
    yield in_open("OPEN of 4097 octets", f"{rfc}, 8654 4", _always(message(OPEN, bytes(4078))), notice(1, 2, b"\x10\1"))
    yield later("UPDATE of 22 octets", rfc, _always(message(UPDATE, bytes(3))), notice(1, 2, b"\0\x16"))
    yield later("KEEPALIVE of 20 octets", rfc, _always(message(KEEPALIVE, b"\0")), notice(1, 2, b"\0\x14"))
    yield later("NOTIFICATION of 20 octets", f"{rfc}, 6.4", _always(message(3, b"\6")), notice(1, 2, b"\0\x14"), SILENT)
    yield later(
        "ROUTE-REFRESH of 22 octets",
        f"{rfc}, 7313 5",
        _always(message(5, bytes(3))),
        notice(1, 2, b"\0\x16"),
        notice(7, 1),
    )
    for kind in (0, 6, 255):
        yield later(f"message type {kind}", rfc, _always(message(kind, bytes(4))), notice(1, 3, bytes((kind,))))
    yield in_open("message type 77 instead of OPEN", rfc, _always(message(77)), notice(1, 3, b"\x4d"))
    yield later("a hundred KEEPALIVEs in one segment", "4271 4.4", _always(KEEP * 100), UP)


# ===== the state machine: RFC 4271 section 8, RFC 6608 =====


def states() -> Iterator[Case]:
    rfc = "6608 4"
    yield in_open("KEEPALIVE in OpenSent", rfc, _always(KEEP), notice(5, 1, bytes((KEEPALIVE,))))
    yield in_open("UPDATE in OpenSent", rfc, update, notice(5, 1, bytes((UPDATE,))))
    yield in_open("ROUTE-REFRESH in OpenSent", rfc, _always(refresh()), notice(5, 1, bytes((ROUTE_REFRESH,))))
    yield in_open("NOTIFICATION in OpenSent", "4271 6.4", _always(notification(6, 2)), SILENT)
    yield in_confirm("UPDATE in OpenConfirm", rfc, update, notice(5, 2, bytes((UPDATE,))))
    yield in_confirm("ROUTE-REFRESH in OpenConfirm", rfc, _always(refresh()), notice(5, 2, bytes((ROUTE_REFRESH,))))
    yield in_confirm("OPEN again in OpenConfirm", "6608 4, 4271 6.8", open_message, notice(5, 2, b"\1"), notice(6, 7))
    yield in_confirm("NOTIFICATION in OpenConfirm", "4271 6.4", _always(notification(6, 5)), SILENT)
    yield later("OPEN in Established", "6608 4, 4271 6.8", open_message, notice(5, 3, b"\1"), notice(6, 7))


def notifications() -> Iterator[Case]:
    rfc = "4271 6.4"
    yield later("NOTIFICATION with an unknown code", rfc, _always(notification(99, 99, b"?")), SILENT)
    yield later("NOTIFICATION code 0", rfc, _always(notification(0, 0)), SILENT)
    yield later("shutdown message not UTF-8", "9003 4", _always(notification(6, 2, b"\4\xff\xfe\0\n")), SILENT)
    yield later("shutdown message overruns", "9003 4", _always(notification(6, 2, b"\xc8abc")), SILENT)
    yield later("NOTIFICATION of 4096 octets", rfc, _always(notification(6, 0, bytes(4075))), SILENT)


# ===== OPEN: RFC 4271 section 6.2 =====


def opens() -> Iterator[Case]:
    rfc = "4271 6.2"
    version = notice(2, 1, b"\0\4")
    yield in_open("version 3", rfc, lambda s: open_message(s, version=3), version)
    yield in_open("version 5", rfc, lambda s: open_message(s, version=5), version)
    yield in_open("version 0", rfc, lambda s: open_message(s, version=0), version)
    wrong = notice(2, 2)
    other = EXTERNAL_ASN + 7
    yield in_open(
        "another AS", rfc, lambda s: open_message(s, usual(s, wide=False) + four_octet(other), asn=other), wrong
    )
    yield in_open(
        "another AS, internal", rfc, lambda s: open_message(s, usual(s, wide=False), asn=other), wrong, internal=True
    )
    yield in_open("AS 0", "7607 2", lambda s: open_message(s, usual(s, wide=False), asn=0), wrong)
    yield in_open(
        "AS 0 as 4-octet AS", "7607 2", lambda s: open_message(s, usual(s, wide=False) + four_octet(0)), wrong
    )
    yield in_open(
        "4-octet AS is another", "6793 4.1", lambda s: open_message(s, usual(s, wide=False) + four_octet(other)), wrong
    )
    yield in_open(
        "AS_TRANS without the capability", "6793 9", lambda s: open_message(s, usual(s, wide=False), asn=23456), wrong
    )
    yield in_open("AS_TRANS with the capability", "6793 9", lambda s: open_message(s, asn=23456), UP)
    identifier = notice(2, 3)
    yield in_open("router id 0.0.0.0", "6286 2.1", lambda s: open_message(s, router_id="0.0.0.0"), identifier)
    yield in_open(
        "router id is ours, internal",
        "6286 2.1",
        lambda s: open_message(s, router_id=s.daemon),
        identifier,
        internal=True,
    )
    yield in_open("router id 224.0.0.1", "6286 2.1", lambda s: open_message(s, router_id="224.0.0.1"), UP)
    yield in_open("router id 255.255.255.255", "6286 2.1", lambda s: open_message(s, router_id="255.255.255.255"), UP)
    for seconds in (1, 2):
        yield in_open(f"hold time {seconds}", rfc, lambda s, h=seconds: open_message(s, hold=h), notice(2, 6))  # type: ignore[misc]
    for seconds in (0, 3, 65535):
        yield in_open(f"hold time {seconds}", "4271 4.2", lambda s, h=seconds: open_message(s, hold=h), UP)  # type: ignore[misc]


def parameters() -> Iterator[Case]:
    rfc = "4271 6.2"
    broken = notice(2, 0)
    unknown = notice(2, 4)
    yield in_open("optional parameter 1", rfc, lambda s: _params(s, parameter(1, b"\0key")), unknown, notice(2, 5))
    yield in_open("optional parameter 200", rfc, lambda s: _params(s, parameter(200, b"abc")), unknown)
    yield in_open("parameters longer than OPEN", rfc, lambda s: open_message(s, size=200), broken, notice(1, 2))
    yield in_open("octets behind the parameters", rfc, lambda s: open_message(s, size=0), broken, notice(1, 2))
    yield in_open("a parameter overruns", rfc, lambda s: _params(s, b"\2\x30" + usual(s)), broken)
    yield in_open("parameters end within a header", rfc, lambda s: _params(s, b"\2"), broken)
    yield in_open("a capability overruns", "5492 4", lambda s: open_message(s, usual(s) + b"\x41\x09\0"), broken)
    yield in_open("capabilities end within a header", "5492 4", lambda s: open_message(s, usual(s) + b"\x02"), broken)
    yield in_open("no optional parameter at all", "5492 3", lambda s: open_message(s, parameters=b""), UP)
    yield in_open("an empty capabilities parameter", "5492 4", lambda s: _params(s, parameter(2, b"")), UP)
    yield in_open("each capability in its own parameter", "5492 4", lambda s: open_message(s, parameters=_apart(s)), UP)
    yield in_open(
        "unknown capability 250", "5492 3", lambda s: open_message(s, usual(s) + capability(250, b"?" * 9)), UP
    )
    yield in_open(
        "unknown capability of no octets", "5492 3", lambda s: open_message(s, usual(s) + capability(251)), UP
    )
    yield in_open("each capability twice", "5492 4", lambda s: open_message(s, usual(s) * 2), UP)
    yield in_open(
        "multiprotocol capability of 3 octets",
        "4760 8",
        lambda s: open_message(s, usual(s) + capability(1, b"\0\1\0")),
        broken,
        UP,
    )
    yield in_open(
        "4-octet AS capability of 2 octets",
        "6793 3",
        lambda s: open_message(s, usual(s, wide=False) + capability(65, b"\xfe\x4c")),
        broken,
        UP,
    )
    yield in_open(
        "no family in common",
        "5492 5",
        lambda s: open_message(s, multiprotocol(25, 65) + four_octet(s.asn)),
        notice(2, 7),
        UP,
        mark="",
    )
    yield in_open(
        "multiprotocol with its reserved octet set",
        "4760 8",
        lambda s: open_message(s, b"\1\4\0\1\xff\1" + four_octet(s.asn)),
        UP,
    )
    for code, value, name, where in (
        (69, b"\0\1\1", "ADD-PATH capability of 3 octets", "7911 4"),
        (69, b"\0\1\1\7", "ADD-PATH capability that sends 7", "7911 4"),
        (64, b"\0", "graceful restart capability of 1 octet", "4724 3"),
        (64, b"\0\x78\0\1", "graceful restart capability with half a family", "4724 3"),
        (71, b"\0\1\1", "long-lived GR capability of 3 octets", "9494 3.1"),
        (6, b"?", "extended message capability of 1 octet", "8654 3"),
        (2, b"????", "route refresh capability of 4 octets", "2918 2"),
        (73, b"\xff?", "FQDN capability that overruns", "5492 3"),
        (5, b"\0\1\0\1\0", "extended next hop capability of 5 octets", "8950 4"),
        (9, b"\xc8", "role 200", "9234 4.1"),
    ):
        demands = (UP, notice(2, 0)) if code != 9 else (UP, notice(2, 11))
        yield in_open(name, where, lambda s, c=code, v=value: open_message(s, usual(s) + capability(c, v)), *demands)  # type: ignore[misc]


def _params(s: Slot, more: bytes) -> bytes:
    return open_message(s, parameters=parameter(2, usual(s)) + more)


def _apart(s: Slot) -> bytes:
    return b"".join(parameter(2, one) for one in (multiprotocol(1), multiprotocol(2), capability(2), four_octet(s.asn)))


def extended_parameters() -> Iterator[Case]:
    rfc = "9072 2"
    yield in_open("extended parameters", rfc, lambda s: extended_open(s, wide_parameter(2, usual(s))), UP)
    long = capability(250, bytes(200))
    yield in_open(
        "extended parameters of 900 octets", rfc, lambda s: extended_open(s, wide_parameter(2, usual(s) + long * 4)), UP
    )
    yield in_open(
        "extended parameters, plain length 7", rfc, lambda s: extended_open(s, wide_parameter(2, usual(s)), plain=7), UP
    )
    broken = notice(2, 0)
    yield in_open(
        "extended parameters overrun",
        rfc,
        lambda s: extended_open(s, wide_parameter(2, usual(s)), size=999),
        broken,
        notice(1, 2),
    )
    yield in_open("extended parameter overruns", rfc, lambda s: extended_open(s, b"\2\1\0" + usual(s)), broken)


# ===== the frame of UPDATE: RFC 4271 section 6.3, RFC 7606 section 3 =====


def frames() -> Iterator[Case]:
    rfc = "7606 3 b, 4271 6.3"
    yield later("withdrawn routes overrun", rfc, lambda s: raw_update(block(s), nlri(s.new), w=900), resets(1))
    yield later("withdrawn routes overrun by one", rfc, _always(message(UPDATE, b"\0\3\0\0\0")), resets(1))
    yield later("attributes overrun", rfc, lambda s: raw_update(block(s), a=900), resets(1))
    yield later("attributes overrun by one", rfc, lambda s: raw_update(block(s), a=len(block(s)) + 1), resets(1))
    network = "7606 5.3, 4271 6.3"
    field = resets(10)
    yield later("prefix of 33 bits", network, lambda s: update(s, routes=nlri(s.new) + b"\x21\x14\1\1\1\1"), field)
    yield later("prefix of 255 bits", network, lambda s: update(s, routes=b"\xff" + bytes(40)), field)
    yield later("prefix cut off", network, lambda s: update(s, routes=nlri(s.new) + b"\x18\x14\1"), field)
    yield later("withdrawn prefix of 33 bits", network, _always(raw_update(b"", b"", b"\x21\1\1\1\1\1")), resets(10, 1))
    yield later("withdrawn prefix cut off", network, _always(raw_update(b"", b"", b"\x18\x14\1")), resets(10, 1))
    yield later(
        "bits set behind the prefix",
        "4271 4.3",
        lambda s: update(s, routes=nlri(s.old) + b"\x14" + nlri(s.new)[1:3] + b"\xff"),
        UP,
    )
    yield later("a prefix three times", "4271 4.3", lambda s: update(s, routes=nlri(s.old, s.new, s.new, s.new)), KEPT)
    yield later(
        "withdrawn and announced at once",
        "4271 4.3",
        lambda s: raw_update(block(s), nlri(s.old, s.new), nlri(s.old, s.new)),
        KEPT,
        UP,
    )
    yield later("withdrawn, but never announced", "4271 3.1", _always(raw_update(b"", b"", nlri("198.18.0.0/15"))), UP)
    yield later("an UPDATE of nothing", "4724 2", _always(raw_update(b"")), UP)
    yield later("an UPDATE of 4096 octets", "4271 4.3", _full, KEPT)
    yield later("attributes without routes", "7606 5.2", lambda s: raw_update(block(s)), UP)
    yield later(
        "malformed attributes without routes",
        "7606 5.2",
        lambda s: raw_update(block(s, {1: attr(0x40, 1, b"\7")})),
        resets(6, 1),
    )
    lone = attr(0x80, 15, unreach_value(b"\x40\x20\1\x0d\xb8\0\7\0\7"))
    yield later("MP_UNREACH_NLRI alone, never announced", "4760 4", _always(raw_update(lone)), UP)
    yield Case(
        "UPDATE of 5000 octets, extended messages agreed",
        "8654 4",
        "established",
        lambda s: update(s, {99: attr(0xD0, 99, bytes(4900))}),
        (UP,),
        hello=lambda s: open_message(s, usual(s) + capability(6)),
        needs=6,
        otherwise=(notice(1, 2),),
    )
    yield Case(
        "KEEPALIVE of 4097 octets, extended messages agreed",
        "8654 4",
        "established",
        _always(message(KEEPALIVE, bytes(4078))),
        (notice(1, 2, b"\x10\1"),),
        hello=lambda s: open_message(s, usual(s) + capability(6)),
    )


def _full(s: Slot) -> bytes:
    """As long as may be: 4096 octets, by a prefix again and again, and an unknown attribute for what is left."""
    short = 4096 - len(update(s, {99: attr(0xC0, 99)}))
    repeated = nlri(s.new) * (short // 4)
    return update(s, {99: attr(0xC0, 99, bytes(short % 4))}, routes=nlri(s.old, s.new) + repeated)


# ===== the attribute list: RFC 7606 sections 3 and 4 =====


def lists() -> Iterator[Case]:
    rfc = "7606 4"
    yield later("one octet behind the attributes", rfc, lambda s: update(s, extra=b"\x40"), WITHDRAWN)
    yield later("two octets behind the attributes", rfc, lambda s: update(s, extra=b"\xc0\x63"), WITHDRAWN)
    yield later("the last attribute overruns", rfc, lambda s: update(s, extra=attr(0xC0, 8, bytes(4), 9)), WITHDRAWN)
    yield later("extended length cut off", rfc, lambda s: update(s, extra=b"\xd0\x63\0"), WITHDRAWN)
    yield later(
        "NEXT_HOP overruns", rfc, lambda s: raw_update(block(s, {3: b"\x40\3\x40\1"}), nlri(s.old, s.new)), WITHDRAWN
    )
    again = "7606 3 g"
    yield later(
        "ORIGIN twice",
        again,
        lambda s: update(s, extra=attr(0x40, 1, b"\2")),
        carries("the first one counts", 1, 0x40, b"\0"),
    )
    yield later(
        "COMMUNITIES twice",
        again,
        lambda s: update(s, {8: attr(0xC0, 8, b"\xfd\xe8\0\1")}, attr(0xC0, 8, b"\xfd\xe8\0\2")),
        carries("the first one counts", 8, 0xC0, b"\xfd\xe8\0\1"),
    )
    yield later("the second AS_PATH malformed", again, lambda s: update(s, extra=attr(0x40, 2, b"\x09\xff")), KEPT)
    yield later(
        "an unknown attribute twice",
        again,
        lambda s: update(s, {99: attr(0xC0, 99, b"one")}, attr(0xC0, 99, b"two")),
        carries("the first one counts", 99, 0xC0 | PARTIAL, b"one"),
    )
    yield later("MP_REACH_NLRI twice", again, lambda s: _twice6(s, 14, reach_value(nlri(s.new6))), resets(1), ipv6=True)
    yield later(
        "MP_UNREACH_NLRI twice", again, lambda s: _twice6(s, 15, unreach_value(nlri(s.old6))), resets(1), ipv6=True
    )
    yield later("attributes in reverse order", "4271 5", lambda s: raw_update(_reverse(s), nlri(s.old, s.new)), KEPT)
    for code, name in ((1, "ORIGIN"), (2, "AS_PATH"), (3, "NEXT_HOP")):
        yield later(f"{name} missing", "7606 3 d", lambda s, c=code: update(s, {c: b""}), WITHDRAWN)  # type: ignore[misc]
    yield later(
        "LOCAL_PREF missing, internal", "4271 5.1.5", lambda s: update(s, {5: b""}), KEPT, WITHDRAWN, internal=True
    )
    yield later("routes without any attribute", "7606 3 d", lambda s: raw_update(b"", nlri(s.old, s.new)), WITHDRAWN)
    both = {1: attr(0x40, 1, b"\7"), 6: attr(0x40, 6, b"\0")}
    yield later("a discard and a withdrawal", "7606 3 h", lambda s: update(s, both), WITHDRAWN)
    yield later(
        "a malformed attribute and MP_UNREACH_NLRI",
        "7606 5.2",
        lambda s: raw_update(
            block(s, {1: attr(0x40, 1, b"\7"), 15: attr(0x80, 15, unreach_value(nlri(s.new6)))}), nlri(s.old, s.new)
        ),
        WITHDRAWN,
    )


def _twice6(s: Slot, code: int, value: bytes) -> bytes:
    return raw_update(block(s, {code: attr(0x80, code, value) * 2}, ipv6=True))


def _reverse(s: Slot) -> bytes:
    return b"".join([block(s, dict.fromkeys({1, 2, 3} - {code}, b"")) for code in (3, 2, 1)])


# ===== each attribute: RFC 7606 section 7 =====


def origins() -> Iterator[Case]:
    rfc = "7606 7.1"
    for value, name in ((b"", "0 octets"), (b"\0\0", "2 octets"), (b"\3", "value 3"), (b"\xff", "value 255")):
        yield with_attr(f"ORIGIN of {name}", rfc, attr(0x40, 1, value), WITHDRAWN)
    flags = "7606 3 c"
    yield with_attr("ORIGIN optional", flags, attr(0xC0, 1, b"\0"), WITHDRAWN)
    yield with_attr("ORIGIN not transitive", flags, attr(0x00, 1, b"\0"), WITHDRAWN)
    yield with_attr(
        "ORIGIN with the lower flags set", "4271 4.3", attr(0x4F, 1, b"\1"), carries("flags ignored", 1, 0x40, b"\1")
    )
    yield with_attr(
        "ORIGIN with the extended length", "4271 4.3", attr(0x50, 1, b"\1"), carries("kept", 1, 0x40, b"\1")
    )


def as_paths() -> Iterator[Case]:
    rfc = "7606 7.2"
    us = sequence(EXTERNAL_ASN)
    for name, value in (
        ("segment overruns", b"\2\5" + bytes((0, 0, 0xFE, 0x4C))),
        ("segment of no AS", us + b"\2\0"),
        ("segment type 9", us + b"\x09\1\0\0\0\7"),
        ("one octet too many", us + b"\2"),
        ("numbers of 2 octets", sequence(EXTERNAL_ASN, width=2)),
    ):
        yield with_attr(f"AS_PATH: {name}", rfc, attr(0x40, 2, value), WITHDRAWN)
    yield with_attr("AS_PATH with AS 0", "7607 2", attr(0x40, 2, sequence(EXTERNAL_ASN, 0)), WITHDRAWN)
    confed = sequence(64999, kind=3) + us
    yield with_attr("AS_PATH with a confederation", "5065 5", attr(0x40, 2, confed), WITHDRAWN)
    yield with_attr("AS_PATH optional", "7606 3 c", attr(0xC0, 2, us), WITHDRAWN)
    yield with_attr(
        "AS_PATH with an AS_SET", "4271 4.3, 9774 3", attr(0x40, 2, us + sequence(7, 8, kind=1)), KEPT, WITHDRAWN
    )
    yield with_attr("AS_PATH empty, external", "4271 6.3", attr(0x40, 2), UNUSED, KEPT)
    yield with_attr("AS_PATH begins with another AS", "4271 6.3", attr(0x40, 2, sequence(65333)), UNUSED, KEPT)
    yield with_attr("AS_PATH with our own AS", "4271 9", attr(0x40, 2, sequence(EXTERNAL_ASN, DAEMON_ASN)), UNUSED)
    long = sequence(*[EXTERNAL_ASN] * 255) + sequence(*[EXTERNAL_ASN] * 45)
    yield with_attr("AS_PATH of 300 hops", "4271 4.3", attr(0x40, 2, long), KEPT)
    yield with_attr("AS_PATH with AS_TRANS", "6793 4.2.1", attr(0x40, 2, sequence(EXTERNAL_ASN, 23456)), KEPT)


def next_hops() -> Iterator[Case]:
    rfc = "7606 7.3"
    for size in (0, 3, 5, 16):
        yield with_attr(
            f"NEXT_HOP of {size} octets",
            rfc,
            attr(0x40, 3, b"\x0a\x63\0\3" + bytes(12), None)[:2]
            + bytes((size,))
            + (b"\x0a\x63\0\3" + bytes(12))[:size],
            WITHDRAWN,
        )
    semantic = "4271 6.3"
    for text in ("0.0.0.0", "224.0.0.1", "255.255.255.255"):
        yield with_attr(f"NEXT_HOP {text}", semantic, attr(0x40, 3, socket.inet_aton(text)), UNUSED)
    yield later(
        "NEXT_HOP is our own address",
        semantic,
        lambda s: update(s, {3: attr(0x40, 3, socket.inet_aton(s.daemon))}),
        UNUSED,
    )
    yield with_attr("NEXT_HOP optional", "7606 3 c", attr(0xC0, 3, b"\x0a\x63\0\3"), WITHDRAWN)


def numbers() -> Iterator[Case]:
    for size in (0, 3, 5):
        yield with_attr(f"MULTI_EXIT_DISC of {size} octets", "7606 7.4", attr(0x80, 4, bytes(size)), WITHDRAWN)
    yield with_attr("MULTI_EXIT_DISC transitive", "7606 3 c", attr(0xC0, 4, bytes(4)), WITHDRAWN)
    yield with_attr("LOCAL_PREF of 3 octets, internal", "7606 7.5", attr(0x40, 5, bytes(3)), WITHDRAWN, internal=True)
    yield with_attr("LOCAL_PREF optional, internal", "7606 3 c", attr(0xC0, 5, bytes(4)), WITHDRAWN, internal=True)
    yield with_attr("LOCAL_PREF, external", "7606 7.5", attr(0x40, 5, b"\0\0\1\0"), without(5))
    yield with_attr("LOCAL_PREF of 3 octets, external", "7606 7.5", attr(0x40, 5, bytes(3)), without(5))


def aggregates() -> Iterator[Case]:
    yield with_attr("ATOMIC_AGGREGATE of 1 octet", "7606 7.6", attr(0x40, 6, b"\0"), without(6))
    yield with_attr("ATOMIC_AGGREGATE optional", "7606 3 c", attr(0xC0, 6), WITHDRAWN)
    address = b"\xc0\0\2\1"
    for size in (0, 6, 7, 9):
        value = (b"\0\0\xfe\x4c" + address + b"\0")[:size]
        yield with_attr(f"AGGREGATOR of {size} octets", "7606 7.7", attr(0xC0, 7, value), without(7))
    yield with_attr("AGGREGATOR with AS 0", "7607 2", attr(0xC0, 7, bytes(4) + address), without(7))
    yield with_attr("AGGREGATOR not transitive", "7606 3 c", attr(0x80, 7, b"\0\0\xfe\x4c" + address), WITHDRAWN)


def communities() -> Iterator[Case]:
    for code, unit, name, rfc in (
        (8, 4, "COMMUNITIES", "7606 7.8"),
        (16, 8, "EXTENDED_COMMUNITIES", "7606 7.14"),
        (32, 12, "LARGE_COMMUNITIES", "8092 5"),
    ):
        yield with_attr(f"{name} of {unit - 1} octets", rfc, attr(0xC0, code, bytes(unit - 1)), WITHDRAWN)
        yield with_attr(f"{name} of {unit + 1} octets", rfc, attr(0xC0, code, bytes(unit + 1)), WITHDRAWN)
        yield with_attr(f"{name} of no octets", rfc, attr(0xC0, code), WITHDRAWN)
        yield with_attr(f"{name} not transitive", "7606 3 c", attr(0x80, code, bytes(unit)), WITHDRAWN)
        yield with_attr(f"{name} well-known", "7606 3 c", attr(0x40, code, bytes(unit)), WITHDRAWN)
    yield with_attr("IPV6_EXTENDED_COMMUNITIES of 19 octets", "7606 7.15", attr(0xC0, 25, bytes(19)), WITHDRAWN)
    large = struct.pack("!III", 65001, 1, 2)
    yield with_attr(
        "LARGE_COMMUNITIES with one twice", "8092 5", attr(0xC0, 32, large * 2), carries("kept once", 32, 0xC0, large)
    )
    many = b"".join(struct.pack("!HH", 65001, number) for number in range(900))
    yield with_attr("900 communities", "1997", attr(0xC0, 8, many), KEPT)


def reflection() -> Iterator[Case]:
    yield with_attr("ORIGINATOR_ID, external", "7606 7.9", attr(0x80, 9, b"\1\2\3\4"), without(9))
    yield with_attr(
        "ORIGINATOR_ID of 5 octets, internal", "7606 7.9", attr(0x80, 9, bytes(5)), WITHDRAWN, internal=True
    )
    yield with_attr(
        "ORIGINATOR_ID transitive, internal", "7606 3 c", attr(0xC0, 9, b"\1\2\3\4"), WITHDRAWN, internal=True
    )
    yield with_attr("CLUSTER_LIST, external", "7606 7.10", attr(0x80, 10, b"\1\2\3\4"), without(10))
    yield with_attr(
        "CLUSTER_LIST of 3 octets, internal", "7606 7.10", attr(0x80, 10, bytes(3)), WITHDRAWN, internal=True
    )
    yield with_attr("CLUSTER_LIST of no octets, internal", "7606 7.10", attr(0x80, 10), WITHDRAWN, internal=True)
    yield later(
        "ORIGINATOR_ID is our own, internal",
        "4456 8",
        lambda s: update(s, {9: attr(0x80, 9, socket.inet_aton(s.daemon))}),
        UNUSED,
        internal=True,
    )


def others() -> Iterator[Case]:
    yield with_attr("AIGP, external, not enabled", "7311 3.2", attr(0x80, 26, b"\1\0\x0b" + bytes(8)), without(26))
    yield with_attr("AS4_PATH from a 4-octet speaker", "6793 4.1", attr(0xC0, 17, sequence(EXTERNAL_ASN)), without(17))
    yield with_attr(
        "AS4_AGGREGATOR from a 4-octet speaker", "6793 4.1", attr(0xC0, 18, bytes(3) + b"\7\1\2\3\4"), without(18)
    )
    yield with_attr("OTC of 3 octets", "9234 5", attr(0xC0, 35, bytes(3)), WITHDRAWN)


def unknowns() -> Iterator[Case]:
    partial = 0xC0 | PARTIAL
    rfc = "4271 5, 9"
    yield with_attr(
        "unknown, optional transitive", rfc, attr(0xC0, 99, b"abc"), carries("passed on, Partial", 99, partial, b"abc")
    )
    yield with_attr(
        "unknown, Partial already", rfc, attr(partial, 99, b"abc"), carries("passed on, Partial", 99, partial, b"abc")
    )
    yield with_attr("unknown, no octets", rfc, attr(0xC0, 99), carries("passed on, Partial", 99, partial, b""))
    yield with_attr(
        "unknown, 400 octets", rfc, attr(0xC0, 99, bytes(400)), carries("passed on, Partial", 99, partial, bytes(400))
    )
    yield with_attr("unknown, code 255", rfc, attr(0xC0, 255, b"x"), carries("passed on, Partial", 255, partial, b"x"))
    yield with_attr(
        "unknown, optional non-transitive",
        rfc,
        attr(0x80, 99, b"abc"),
        Demand("ignored, not passed on", routes=True, attrs={99: None}),
    )
    well_known = attr(0x40, 99, b"abc")
    yield with_attr("unknown, well-known", "4271 6.3", well_known, notice(3, 2, well_known))
    yield with_attr("code 0, well-known", "4271 6.3", attr(0x40, 0, b"?"), resets(2))
    junk = b"".join(attr(0xC0, code, b"?") for code in range(130, 250))
    yield later(
        "120 unknown attributes", rfc, lambda s: update(s, extra=junk), carries("passed on", 249, partial, b"?")
    )


# ===== MP_REACH_NLRI, MP_UNREACH_NLRI: RFC 4760, RFC 7606 sections 5 and 7 =====


def multiprotocols() -> Iterator[Case]:
    rfc = "7606 7.11"
    reset = resets(9, 1, 5)
    for name, value in (
        ("of no octets", b""),
        ("of 3 octets", b"\0\2\1"),
        ("whose next hop overruns", b"\0\2\1\x40" + HOP6),
    ):
        yield later(f"MP_REACH_NLRI {name}", rfc, lambda s, v=value: update6(s, attr(0x80, 14, v)), reset, ipv6=True)  # type: ignore[misc]
    for size in (0, 4, 15, 17, 33):
        hop = (HOP6 * 3)[:size]
        yield later(
            f"MP_REACH_NLRI with a next hop of {size} octets",
            rfc,
            lambda s, h=hop: update6(s, attr(0x80, 14, reach_value(nlri(s.old6, s.new6), h))),  # type: ignore[misc]
            resets(9, 8),
            ipv6=True,
        )
    local = socket.inet_pton(socket.AF_INET6, "fe80::1")

    def odd(name: str, where: str, change: Callable[[Slot], bytes], *demands: Demand) -> Case:
        return later(name, where, lambda s: update6(s, attr(0x80, 14, change(s))), *demands, ipv6=True)

    yield odd(
        "MP_REACH_NLRI with global and link-local",
        "2545 3",
        lambda s: reach_value(nlri(s.old6, s.new6), HOP6 + local),
        KEPT,
    )
    yield odd(
        "MP_REACH_NLRI, reserved octet set", "4760 3", lambda s: reach_value(nlri(s.old6, s.new6), reserved=9), KEPT
    )
    yield odd("MP_REACH_NLRI, next hop ::", "4271 6.3", lambda s: reach_value(nlri(s.old6, s.new6), bytes(16)), UNUSED)
    yield odd(
        "MP_REACH_NLRI, next hop ff02::1",
        "4271 6.3",
        lambda s: reach_value(nlri(s.old6, s.new6), b"\xff\2" + bytes(13) + b"\1"),
        UNUSED,
    )
    yield odd(
        "MP_REACH_NLRI, prefix of 129 bits", "7606 5.3", lambda _: reach_value(b"\x81" + bytes(17)), resets(9, 10)
    )
    yield odd(
        "MP_REACH_NLRI, prefix cut off", "7606 5.3", lambda s: reach_value(nlri(s.new6) + b"\x40\x20"), resets(9, 10)
    )
    yield odd("MP_REACH_NLRI without routes", "4760 3", lambda _: reach_value(b""), UP)
    yield odd(
        "MP_REACH_NLRI, family not negotiated",
        "4760 6",
        lambda s: reach_value(b"\x58" + bytes(11), bytes(12), 1, 128),
        UP,
    )
    flags = "7606 3 c"
    yield later(
        "MP_REACH_NLRI transitive",
        flags,
        lambda s: update6(s, attr(0xC0, 14, reach_value(nlri(s.old6, s.new6)))),
        WITHDRAWN,
        resets(4, 9),
        ipv6=True,
    )
    yield later(
        "MP_REACH_NLRI well-known",
        flags,
        lambda s: update6(s, attr(0x40, 14, reach_value(nlri(s.old6, s.new6)))),
        WITHDRAWN,
        resets(4, 9),
        ipv6=True,
    )
    yield later(
        "NEXT_HOP beside MP_REACH_NLRI",
        "4760 3",
        lambda s: update6(s, changes={3: attr(0x40, 3, b"\0\0\0\0")}),
        KEPT,
        ipv6=True,
    )
    yield later(
        "MP_REACH_NLRI of IPv4",
        "4760 3",
        lambda s: raw_update(
            block(s, {3: b"", 14: attr(0x80, 14, reach_value(nlri(s.old, s.new), socket.inet_aton(s.address), 1))})
        ),
        KEPT,
    )
    yield later("IPv6 routes without ORIGIN", "7606 3 d", lambda s: update6(s, changes={1: b""}), WITHDRAWN, ipv6=True)
    yield later(
        "IPv6 routes, COMMUNITIES of 5 octets",
        "7606 7.8",
        lambda s: update6(s, changes={8: attr(0xC0, 8, bytes(5))}),
        WITHDRAWN,
        ipv6=True,
    )
    yield later(
        "MP_REACH_NLRI and IPv4 routes",
        "4760 3",
        lambda s: raw_update(block(s, {14: attr(0x80, 14, reach_value(nlri(s.new6)))}), nlri(s.old, s.new)),
        KEPT,
    )
    rfc = "7606 7.12"
    for size in (0, 2):
        yield later(
            f"MP_UNREACH_NLRI of {size} octets",
            rfc,
            _always(raw_update(attr(0x80, 15, b"\0\2"[:size]))),
            reset,
            ipv6=True,
        )
    yield later(
        "MP_UNREACH_NLRI, prefix of 129 bits",
        "7606 5.3",
        lambda _: raw_update(attr(0x80, 15, unreach_value(b"\x81" + bytes(17)))),
        resets(9, 10),
        ipv6=True,
    )
    yield later(
        "MP_UNREACH_NLRI, prefix cut off",
        "7606 5.3",
        lambda _: raw_update(attr(0x80, 15, unreach_value(b"\x40\x20"))),
        resets(9, 10),
        ipv6=True,
    )
    yield later(
        "MP_UNREACH_NLRI, family not negotiated",
        "4760 6",
        lambda _: raw_update(attr(0x80, 15, unreach_value(b"\x58" + bytes(11), 1, 128))),
        UP,
    )
    yield later(
        "MP_UNREACH_NLRI takes routes away",
        "4760 4",
        lambda s: raw_update(attr(0x80, 15, unreach_value(nlri(s.old6)))),
        UNUSED,
        ipv6=True,
    )


# ===== sessions with AS numbers of two octets: RFC 6793 =====


def _as4_path(name: str, rfc: str, value: bytes, demand: Demand) -> Case:
    changes = {2: _path(EXTERNAL_ASN), 17: attr(0xC0, 17, value)}
    return old_style(f"AS4_PATH {name}", rfc, lambda s: update(s, changes), demand)


def _path(*asns: int) -> bytes:
    return attr(0x40, 2, sequence(*asns, width=2))


def two_octets() -> Iterator[Case]:
    rfc = "6793 4.2.3"
    us = EXTERNAL_ASN
    whole = sequence(DAEMON_ASN, us, 70000)
    yield old_style("2-octet session", "6793 4.2", lambda s: update(s, width=2), KEPT)
    yield old_style(
        "AS4_PATH put in place",
        rfc,
        lambda s: update(s, {2: _path(us, 23456), 17: attr(0xC0, 17, sequence(70000))}),
        Demand("merged", routes=True, attrs={2: (0x40, whole), 17: None}),
    )
    plain = Demand("AS4_PATH ignored", routes=True, attrs={2: (0x40, sequence(DAEMON_ASN, us)), 17: None})
    yield old_style(
        "AS4_PATH longer than AS_PATH",
        rfc,
        lambda s: update(s, {2: _path(us), 17: attr(0xC0, 17, sequence(1, 2, 3))}),
        plain,
    )
    for name, value, where in (
        ("overruns", b"\2\5\0\1\x11\x70", "6793 6"),
        ("with a segment of type 9", b"\x09\1\0\1\x11\x70", "6793 6"),
        ("with AS 0", sequence(0), "7607 2"),
        ("of no octets", b"", "6793 6"),
    ):
        yield _as4_path(name, where, value, plain)
    confed = sequence(64999, kind=3) + sequence(70000)
    yield old_style(
        "AS4_PATH with a confederation",
        "6793 3",
        lambda s: update(s, {2: _path(us, 23456), 17: attr(0xC0, 17, confed)}),
        Demand("its segments are dropped", routes=True, attrs={2: (0x40, whole), 17: None}),
    )
    address = b"\xc0\0\2\1"
    trans, real = b"\x5b\xa0" + address, b"\0\1\x11\x70" + address
    yield old_style(
        "AS4_AGGREGATOR put in place",
        rfc,
        lambda s: update(s, {7: attr(0xC0, 7, trans), 18: attr(0xC0, 18, real)}, width=2),
        Demand("merged", routes=True, attrs={7: (0xC0, real), 18: None}),
    )
    yield old_style(
        "AGGREGATOR is not AS_TRANS: both AS4 attributes ignored",
        rfc,
        lambda s: update(
            s,
            {
                2: _path(us, 23456),
                7: attr(0xC0, 7, b"\0\7" + address),
                17: attr(0xC0, 17, sequence(70000)),
                18: attr(0xC0, 18, real),
            },
        ),
        Demand(
            "both ignored",
            routes=True,
            attrs={2: (0x40, sequence(DAEMON_ASN, us, 23456)), 7: (0xC0, b"\0\0\0\7" + address), 17: None, 18: None},
        ),
    )
    yield old_style(
        "AS4_AGGREGATOR of 7 octets",
        "6793 6",
        lambda s: update(s, {18: attr(0xC0, 18, bytes(7))}, width=2),
        without(18),
    )
    yield old_style(
        "2-octet AGGREGATOR of 8 octets", "7606 7.7", lambda s: update(s, {7: attr(0xC0, 7, real)}, width=2), without(7)
    )
    yield old_style(
        "2-octet AS_PATH with numbers of 4",
        "7606 7.2",
        lambda s: update(s, {2: attr(0x40, 2, sequence(us, 1))}),
        WITHDRAWN,
    )
    yield old_style("2-octet AS_PATH with AS 0", "7607 2", lambda s: update(s, {2: _path(us, 0)}), WITHDRAWN)


# ===== ROUTE-REFRESH: RFC 2918, RFC 7313 =====


def refreshes() -> Iterator[Case]:
    rfc = "2918 4"
    yield later("ROUTE-REFRESH", rfc, _always(refresh()), UP)
    yield later("ROUTE-REFRESH of an unknown family", rfc, _always(refresh(77, 77)), UP)
    yield later("ROUTE-REFRESH of AFI 0", rfc, _always(refresh(0, 0)), UP)
    yield later("ROUTE-REFRESH subtype 255", "7313 5", _always(refresh(subtype=255)), UP)
    yield later("End of a refresh that never began", "7313 4", _always(refresh(subtype=2)), UP)
    yield later(
        "ROUTE-REFRESH with one octet more", "7313 5, 5291", _always(refresh(more=b"?")), notice(7, 1), UP, notice(1, 2)
    )
    data = refresh(subtype=1, more=b"?")
    yield Case(
        "Begin of refresh with one octet more",
        "7313 5",
        "established",
        _always(data),
        (notice(7, 1, data),),
        hello=lambda s: open_message(s, usual(s) + capability(70)),
        needs=70,
        otherwise=(notice(7, 1), UP, notice(1, 2)),
    )


CASES: tuple[Case, ...] = tuple(
    case
    for chapter in (
        headers,
        states,
        notifications,
        opens,
        parameters,
        extended_parameters,
        frames,
        lists,
        origins,
        as_paths,
        next_hops,
        numbers,
        aggregates,
        communities,
        reflection,
        others,
        unknowns,
        multiprotocols,
        two_octets,
        refreshes,
    )
    for case in chapter()
)
