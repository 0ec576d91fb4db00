"""What goes over a session and what is let in, read from the RFCs a second time, without the speaker's chains.

Attributes are a dict here, code -> value; AS paths are lists of segments, communities sets, and NEXT_HOP stands apart.
A policy that somebody wrote is not read again: a neighbor that has one is left to the other checks.
"""

from typing import Final

from bgpd.model import ExportRule, ImportRule, NeighborSpec, NextHopRule, Role
from bgpd.rib.path import Path
from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.speaker import Speaker
from bgpd.wire.attrs import Attrs
from bgpd.wire.family import IPV4, IPV6, Family

Words = dict[int, object]
Route = tuple[Words, bytes]  #: attributes, and the next hop

_NEXT_HOP, _MED, _LOCAL_PREF, _COMMUNITIES, _ORIGINATOR, _CLUSTERS, _AIGP, _OTC = 3, 4, 5, 8, 9, 10, 26, 35
_EXTENDED: Final = {16: 8, 25: 20}  #: extended communities: code -> octets each
_NO_EXPORT, _NO_ADVERTISE, _NO_EXPORT_SUBCONFED = 0xFFFFFF01, 0xFFFFFF02, 0xFFFFFF03
_SHUTDOWN, _LLGR_STALE = 0xFFFF0000, 0xFFFF0006

UPWARDS: Final = (Role.CUSTOMER, Role.PEER, Role.RS_CLIENT)  #: of who holds one of these, marked routes go no farther
DOWNWARDS: Final = (Role.PROVIDER, Role.PEER, Role.RS)  #: who holds one of these marks what it sends


def read(attrs: Attrs | None) -> Route | None:
    """Attributes as this page speaks of them."""
    if attrs is None:
        return None
    words: Words = {code: value for _, code, value in attrs.items() if code != _NEXT_HOP}
    words[2] = attrs.as_path()
    if _COMMUNITIES in words:
        words[_COMMUNITIES] = frozenset(attrs.communities())
    return words, attrs.next_hop


def _communities(words: Words) -> frozenset[int]:
    found = words.get(_COMMUNITIES, frozenset())
    assert isinstance(found, frozenset)
    return found


def _asns(words: Words) -> list[int]:
    path = words[2]
    assert isinstance(path, list)
    return [asn for _, asns in path for asn in asns]


# ===== out =====


def tells(speaker: Speaker, neighbor: Neighbor, family: Family, path: Path) -> Route | None:
    """What a neighbor without an export policy is told of a path; None: nothing."""
    spec, source = neighbor.spec, path.source
    read_out = read(path.attrs)
    assert read_out is not None
    words, hop = read_out
    has = _communities(words)
    if not _may_go(spec, path) or _NO_ADVERTISE in has:
        return None
    if spec.external and has & {_NO_EXPORT, _NO_EXPORT_SUBCONFED}:
        return None
    live = neighbor.live
    assert live is not None
    if _LLGR_STALE in has and not live.session.agreement.long_lived_capable:
        return None
    if not spec.external and not source.external and not source.local:
        if not (source.cluster or spec.rr_client):  # RFC 4271 section 9.2; RFC 4456 section 6
            return None
        words.setdefault(_ORIGINATOR, source.router_id)
        mine = (spec.cluster_id or speaker.spec.router_id) if spec.rr_client else b""
        passed = words.get(_CLUSTERS, b"")
        assert isinstance(passed, bytes)
        words[_CLUSTERS] = (mine if mine != source.cluster else b"") + source.cluster + passed
    if spec.external:
        if spec.role is not None and not _otc_out(spec, words):
            return None
        _leave_the_as(spec, words, own=source.local)
    else:
        words.setdefault(_LOCAL_PREF, (100).to_bytes(4, "big"))
    if speaker.draining or spec.graceful_shutdown:
        words[_COMMUNITIES] = _communities(words) | {_SHUTDOWN}
        if not spec.external:
            words[_LOCAL_PREF] = bytes(4)
    ours = _own_hop(neighbor, family)
    keeps = not spec.external and not source.local and spec.next_hop is not NextHopRule.SELF
    if keeps and hop and _fits(neighbor, family, hop):
        return words, hop[:16]
    return (words, ours) if ours else None


def _may_go(spec: NeighborSpec, path: Path) -> bool:
    """The rule alone."""
    source = path.source
    if spec.export_rule is ExportRule.ALL:
        return True
    if spec.export_rule is ExportRule.UNSET and not spec.external:
        return bool(source.local or source.cluster or spec.rr_client)
    return spec.export_rule is ExportRule.OWN and source.local


def _otc_out(spec: NeighborSpec, words: Words) -> bool:
    """RFC 9234 section 5, egress."""
    if _OTC in words:
        return spec.role not in UPWARDS
    if spec.role in DOWNWARDS:
        words[_OTC] = spec.local_asn.to_bytes(4, "big")
    return True


def _leave_the_as(spec: NeighborSpec, words: Words, *, own: bool) -> None:
    path = words[2]
    assert isinstance(path, list)
    if path and path[0][0] == 2:
        words[2] = [(2, (spec.local_asn, *path[0][1])), *path[1:]]
    else:
        words[2] = [(2, (spec.local_asn,)), *path]
    for code in (_LOCAL_PREF, _ORIGINATOR, _CLUSTERS, _AIGP, *([] if own else [_MED])):
        words.pop(code, None)
    for code, size in _EXTENDED.items():
        value = words.pop(code, b"")
        assert isinstance(value, bytes)
        kept = b"".join([value[i : i + size] for i in range(0, len(value), size) if not value[i] & 0x40])
        if kept:
            words[code] = kept


def _own_hop(neighbor: Neighbor, family: Family) -> bytes:
    assert neighbor.live is not None
    transport, negotiated = neighbor.live.transport, neighbor.live.session.negotiated
    assert transport is not None
    assert negotiated is not None
    over6 = len(transport.remote_address) == 16
    return transport.next_hops[IPV6 if negotiated.extended_next_hop and over6 else family]


def _fits(neighbor: Neighbor, family: Family, hop: bytes) -> bool:
    assert neighbor.live is not None
    negotiated = neighbor.live.session.negotiated
    assert negotiated is not None
    return family is not IPV4 or negotiated.extended_next_hop or len(hop) == 4


# ===== in =====


def admits(speaker: Speaker, neighbor: Neighbor, given: Attrs) -> Route | None:
    """What becomes of a route of a neighbor without an import policy; None: it is kept out."""
    spec = neighbor.spec
    found = read(given)
    assert found is not None
    words, hop = found
    asns = _asns(words)
    live = neighbor.live
    assert live is not None
    assert live.transport is not None
    if spec.import_rule is ImportRule.NONE or (spec.external and spec.import_rule is ImportRule.UNSET):
        return None
    if spec.local_asn in asns or hop[:16] in [each[:16] for each in live.transport.next_hops.values()]:
        return None
    if spec.external:
        if asns[:1] != [spec.remote_asn] or (spec.role is not None and not _otc_in(spec, words)):
            return None
    else:
        if words.get(_ORIGINATOR) == speaker.spec.router_id:
            return None
        clusters = words.get(_CLUSTERS, b"")
        assert isinstance(clusters, bytes)
        passed = {clusters[i : i + 4] for i in range(0, len(clusters), 4)}
        if passed & {each.cluster_id or speaker.spec.router_id for each in speaker.spec.neighbors if each.rr_client}:
            return None
    if _SHUTDOWN in _communities(words):
        words[_LOCAL_PREF] = bytes(4)
    return words, hop


def _otc_in(spec: NeighborSpec, words: Words) -> bool:
    """RFC 9234 section 5, ingress."""
    mark = words.get(_OTC)
    remote = spec.remote_asn.to_bytes(4, "big")
    if mark is not None:
        return spec.role not in (Role.PROVIDER, Role.RS) and not (spec.role is Role.PEER and mark != remote)
    if spec.role in UPWARDS:
        words[_OTC] = remote
    return True
