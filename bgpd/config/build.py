"""Values -> DaemonSpec: the judgements that need more than one value, or that need to know the machine.

Everything found goes into the report; the spec is made only where there is no error.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from bgpd.config.bind import bind
from bgpd.config.extensions import extensions, judge_cluster, with_cluster
from bgpd.config.kinds import private_asn
from bgpd.config.origin import Layer, Origin
from bgpd.config.report import Report, nearest
from bgpd.config.restarts import restarts
from bgpd.config.secret import read_ao_keys, read_secret
from bgpd.config.settings import BY_NAME, SETTINGS, Shape
from bgpd.config.values import PeerValues, Value, Values
from bgpd.model import (
    AoKey,
    AsnRule,
    DaemonSpec,
    DatastoreSpec,
    ExportRule,
    ImportRule,
    KernelSpec,
    NeighborSpec,
    Originate,
    PolicySpec,
    PoolSpec,
    RangeSpec,
    Redistribute,
    SpeakerSpec,
    VxlanSpec,
    identity_of,
    link_local,
    text_of,
)
from bgpd.wire.family import Family
from bgpd.wire.prefix import covers, format_address, format_prefix

#: Protocol numbers that others write their routes with (rtnetlink.h, rt_protos, and what is seen in clusters).
KNOWN_PROTOCOLS: Final[Mapping[int, str]] = {
    8: "GateD",
    9: "IPv6 router advertisements",
    10: "Merit MRT",
    11: "Zebra",
    12: "BIRD, which removes routes with it that it does not know",
    13: "DECnet",
    14: "XORP",
    15: "Netsukuku",
    16: "DHCP clients",
    17: "kube-router and mrouted",
    18: "keepalived",
    42: "Babel",
    80: "Calico's Felix, which removes routes with it that it does not know",
    99: "Open/R",
    186: "FRR's bgpd",
    187: "FRR's isisd",
    188: "FRR's ospfd",
    189: "FRR's ripd",
    192: "FRR's eigrpd",
}


_HEADS: Final = ("address", "prefix")


class NoRouterIdError(Exception):
    """No router id can be found on this machine; the text says why."""


class Host(Protocol):
    """What only the machine knows. `bgpd.net.discover.ThisHost` is the real one; tests bring their own."""

    def hostname(self) -> str:
        """The machine's name."""

    def addresses(self) -> Mapping[bytes, str]:
        """Local addresses, packed -> the interface that has it."""

    def router_id(self) -> tuple[bytes, str]:
        """A router id (4 octets) and in words where it was found. Raises NoRouterIdError."""


class _NoHost:
    """A machine about which nothing is known."""

    def hostname(self) -> str:
        return ""

    def addresses(self) -> Mapping[bytes, str]:
        return {}

    def router_id(self) -> tuple[bytes, str]:
        raise NoRouterIdError("none is given")


NO_HOST: Final = _NoHost()


def build(values: Values, report: Report, host: Host) -> DaemonSpec:
    """Judge and build. Completes `values` with what was found. Raises ConfigError for everything found so far."""
    asn: int = values.get("asn")
    if not private_asn(asn):
        report.warn(
            values.at("asn"),
            "asn",
            f"{asn} is not for private use (64512-65534, 4200000000-4294967294): unless a registry gave it to you, "
            "it is another network's number, and routes that carry it may be taken for theirs or dropped",
        )
    _router_id(values, report, host)
    _hostname(values, host)
    _kernel(values, report)
    _unique(values, "announce", report)
    _unique(values, "listen", report)
    _unique(values, "vxlan-address", report)
    _pools(values, report)
    policies = bind(values, report)
    redistribute = _redistribute(values, policies, report)
    neighbors = _neighbors(values, asn, report, host)
    ranges = _ranges(values, asn, report)
    everyone = [*neighbors, *[each.template for each in ranges]]
    cluster = judge_cluster(values, any(spec.rr_client for spec in everyone), report)
    neighbors = [with_cluster(spec, cluster) for spec in neighbors]
    ranges = [replace(each, template=with_cluster(each.template, cluster)) for each in ranges]
    report.check()
    return DaemonSpec(
        speaker=SpeakerSpec(
            asn=asn,
            router_id=values.get("router-id"),
            neighbors=tuple(neighbors),
            ranges=tuple(ranges),
            originate=tuple(Originate(family=v.value[0], prefix=v.value[1]) for v in values.all("announce")),
            redistribute=redistribute,
            multipath=values.get("multipath"),
            graceful_shutdown=values.get("graceful-shutdown"),
            policies=policies,
            kernel=KernelSpec(
                enabled=not values.get("no-kernel"),
                table=values.get("table"),
                protocol=values.get("protocol"),
                metric=values.get("metric"),
                nexthop_objects=values.get("nexthop-objects"),
                audit_interval=values.get("audit-interval"),
                link_bandwidth=values.get("link-bandwidth"),
                suppress_fib_pending=values.get("suppress-fib-pending"),
                pools=tuple(value.value for value in values.all("pool")),
                vxlan=VxlanSpec(
                    vni=values.get("vxlan-vni"),
                    port=values.get("vxlan-port"),
                    mtu=values.get("vxlan-mtu"),
                    addresses=tuple(value.value for value in values.all("vxlan-address")),
                ),
            ),
        ),
        listen=_listen(values),
        metrics=values.get("metrics"),
        control=values.get("control"),
        on_stop=values.get("on-stop"),
        log_format=values.get("log-format"),
        log_level=values.get("log-level"),
        hostname=values.get("hostname"),
        datastore=_datastore(values),
        sources=_sources(values),
    )


def _datastore(values: Values) -> DatastoreSpec:
    """Where the cluster is. An AS number that somebody chose is the node's own; the default is nobody's choice."""
    scheme, places = values.get("datastore") or ("", ())
    return DatastoreSpec(
        scheme=scheme,
        places=places,
        ca=values.get("datastore-ca") or "",
        certificate=values.get("datastore-cert") or "",
        key=values.get("datastore-key") or "",
        user=values.get("datastore-user") or "",
        password_file=values.get("datastore-password-file") or "",
        cache=values.get("datastore-cache"),
        secrets=values.get("secrets") or "",
        node=values.get("node") or "",
        address=values.get("node-address"),
        address6=values.get("node-address6"),
        asn=values.get("asn") if scheme and "asn" in values.given else 0,
    )


def _router_id(values: Values, report: Report, host: Host) -> None:
    """The router id that was given, or the machine's."""
    if "router-id" in values.given or "router-id" in values.failed:
        return
    try:
        found, where = host.router_id()
    except NoRouterIdError as error:
        report.errors.append(f"router-id: {error}; say --router-id A.B.C.D (any four octets that no other speaker has)")
        return
    values.given["router-id"] = [Value(found, Origin(Layer.DEFAULT, f"found: {where}"))]


def _hostname(values: Values, host: Host) -> None:
    if "hostname" not in values.given:
        values.given["hostname"] = [Value(host.hostname(), Origin(Layer.DEFAULT, "the machine's name"))]


def _kernel(values: Values, report: Report) -> None:
    """Warn where our mark of ownership is somebody else's too."""
    protocol: int = values.get("protocol")
    if (owner := KNOWN_PROTOCOLS.get(protocol)) is not None and not values.get("no-kernel"):
        report.warn(values.at("protocol"), "protocol", f"{protocol} is used by {owner}; our routes must be ours alone")
    if values.get("suppress-fib-pending") and values.get("no-kernel"):
        reason = "with no-kernel nothing is ever installed, and so nothing would be announced; take one of them out"
        report.error(values.at("suppress-fib-pending"), "suppress-fib-pending", reason)


def _pools(values: Values, report: Report) -> None:
    """One prefix, one way to get there."""
    seen: dict[tuple[Family, bytes], Value] = {}
    for value in values.all("pool"):
        pool: PoolSpec = value.value
        if (first := seen.setdefault((pool.family, pool.prefix), value)) is not value:
            text = format_prefix(pool.family, pool.prefix)
            report.error(value.origin, "pool", f"{text} is given twice (first: {first.origin.text})")


def _redistribute(values: Values, policies: tuple[PolicySpec, ...], report: Report) -> tuple[Redistribute, ...]:
    """The entries with their policies; none may be of our own protocol, and no two may name the same routes."""
    named = {policy.name: policy for policy in policies}
    seen: dict[str, Value] = {}
    found: list[Redistribute] = []
    for value in values.all("redistribute"):
        entry: Redistribute = value.value
        field = f"redistribute {entry.name}"
        if (first := seen.setdefault(entry.name, value)) is not value:
            report.error(value.origin, field, f"is given twice (first: {first.origin.text})")
        if values.get("no-kernel"):
            report.error(
                value.origin, field, "with no-kernel nobody looks at the kernel's routes; take one of them out"
            )
        if entry.protocol == values.get("protocol"):
            report.error(value.origin, field, f"{entry.protocol} marks the routes that we write: they would come back")
        if entry.policy_name in named:
            entry = replace(entry, policy=named[entry.policy_name])
        elif entry.policy_name and ("policy", entry.policy_name) not in values.book.broken:
            near = nearest(entry.policy_name, named)
            report.error(value.origin, field, f"policy: there is no policy {entry.policy_name!r}{near}")
        found.append(entry)
    return tuple(found)


def _unique(values: Values, name: str, report: Report) -> None:
    seen: dict[object, Value] = {}
    for value in values.all(name):
        if (first := seen.setdefault(value.value, value)) is not value:
            text = BY_NAME[name].kind.show(value.value)
            report.error(value.origin, name, f"{text} is given twice (first: {first.origin.text})")


def _listen(values: Values) -> tuple[tuple[str, int], ...]:
    """Listening addresses; an empty host is every address of both families."""
    found: list[tuple[str, int]] = []
    for host, port in [value.value for value in values.all("listen")] or [("", 179)]:
        found += [(host, port)] if host else [("0.0.0.0", port), ("::", port)]  # noqa: S104 - a router listens
    return tuple(dict.fromkeys(found))


# neighbors


def _neighbors(values: Values, asn: int, report: Report, host: Host) -> list[NeighborSpec]:
    """Every neighbor's spec, after the checks that need more than one of them."""
    addresses = host.addresses() if values.peers else {}
    router_id = values.get("router-id")
    by_address: dict[bytes, PeerValues] = {}
    by_name: dict[str, PeerValues] = {}
    specs = []
    for peer in values.peers:
        address: bytes = peer.get("address") or b""
        interface: str = peer.get("interface") or ""
        identity = identity_of(address, interface) or b"%" + interface.encode()
        if (first := by_address.setdefault(identity, peer)) is not peer:
            report.error(peer.at("address"), peer.field, f"is given twice (first: {first.at('address').text})")
            continue
        if link_local(address) and not interface:
            report.error(
                peer.at("address"),
                peer.field,
                "is link-local, which means something on its link only: add interface=NAME",
            )
        if address in addresses:
            report.error(
                peer.at("address"), peer.field, f"is this machine's own address (on {addresses[address]}), no neighbor"
            )
        elif address == router_id:
            report.warn(peer.at("address"), peer.field, "is also our router id; is this neighbor this machine itself?")
        name = peer.get("name") or text_of(address, interface)
        if (first := by_name.setdefault(name, peer)) is not peer:
            report.error(peer.at("name"), f"{peer.field}: name", f"{name} is the name of {first.field} too")
        for value in values.all("announce"):
            _swallowed(peer, address, value, report)
        specs.append(_neighbor(peer, name, asn, addresses, report, check=values.get("check")))
    return specs


def _swallowed(peer: PeerValues, address: bytes, announced: Value, report: Report) -> None:
    """A prefix of ours is guarded by a blackhole route: it must not hold a neighbor."""
    family, prefix = announced.value
    if address and family.octets == len(address) and covers(prefix, bytes((family.bits,)) + address):
        report.warn(
            announced.origin,
            "announce",
            f"{format_prefix(family, prefix)} holds {peer.field}; the blackhole route that guards the prefix may "
            "take the packets to this neighbor",
        )


def _neighbor(
    peer: PeerValues, name: str, asn: int, addresses: Mapping[bytes, str], report: Report, *, check: bool
) -> NeighborSpec:
    """One neighbor's spec; what is wrong with it goes into the report."""
    address: bytes = peer.get("address") or b""
    local_asn: int = peer.get("local-as") or asn
    remote_asn, rule = _remote_as(peer, asn, local_asn)
    _transport(peer, address, report)
    hold, keepalive = _timers(peer, report)
    _source(peer, address, addresses, report)
    ao_keys = _ao_keys(peer, report)
    password = None
    if "password-file" in peer.fields:
        try:
            password, doubt = read_secret(peer.get("password-file"))
            if doubt:
                report.warn(peer.at("password-file"), f"{peer.field}: password-file", doubt)
        except ValueError as error:
            report.error(peer.at("password-file"), f"{peer.field}: password-file", str(error))
    import_policy, export_policy = _policy(peer, "import"), _policy(peer, "export")
    missing = [key for key in ("import", "export") if key not in peer.fields]
    if (
        remote_asn != local_asn and missing and check
    ):  # a speaker that runs says so itself, at start and in `show neighbor`
        who = f"AS {remote_asn}" if remote_asn else rule.value
        what = (
            "nothing is exchanged"
            if len(missing) == 2
            else "no route comes in"
            if "import" in missing
            else "no route goes out"
        )
        report.warn(
            peer.origin,
            peer.field,
            f"eBGP ({who}) without {' and '.join(missing)}: {what} (RFC 8212); "
            f"say {', '.join('import=all' if key == 'import' else 'export=own' for key in missing)}",
        )
    return NeighborSpec(
        address=address,
        name=name,
        local_asn=local_asn,
        remote_asn=remote_asn,
        port=peer.get("port"),
        passive=peer.get("passive"),
        password=password,
        families=peer.get("families"),
        import_rule=ImportRule.POLICY if import_policy else peer.get("import") or ImportRule.UNSET,
        export_rule=ExportRule.POLICY if export_policy else peer.get("export") or ExportRule.UNSET,
        import_policy=import_policy,
        export_policy=export_policy,
        source_address=peer.get("source-address"),
        hold_time=hold,
        keepalive_time=keepalive,
        connect_retry_time=peer.get("connect-retry-time"),
        idle_hold_min=peer.get("idle-hold-min"),
        idle_hold_max=max(peer.get("idle-hold-max"), peer.get("idle-hold-min")),
        asn_rule=rule,
        interface=peer.get("interface") or "",
        unnumbered=not address and "interface" in peer.fields,
        multihop=peer.get("multihop") or 0,
        ttl_security=peer.get("ttl-security") or 0,
        ao_keys=ao_keys,
        speaker_asn=asn if local_asn != asn else 0,
        allow_own_as=peer.get("allow-own-as"),
        as_override=peer.get("as-override"),
        remove_private_as=peer.get("remove-private-as"),
        next_hop=peer.get("next-hop"),
        default_originate=peer.get("default-originate"),
        max_prefix=peer.get("max-prefix") or 0,
        max_prefix_action=peer.get("max-prefix-action"),
        max_prefix_restart=peer.get("max-prefix-restart"),
        max_prefix_out=peer.get("max-prefix-out") or 0,
        **extensions(
            peer,
            external=remote_asn != local_asn,
            who=f"AS {remote_asn}" if remote_asn else f"asn={rule.value}",
            report=report,
        ),
        **restarts(peer, hold_time=hold, report=report),
        max_attribute_octets=peer.get("max-attribute-octets"),
    )


def _policy(peer: PeerValues, key: str) -> PolicySpec | None:
    """The policy of `import` or `export`, None where a word says it all."""
    value = peer.get(key)
    return value if isinstance(value, PolicySpec) else None


def _remote_as(peer: PeerValues, asn: int, local_asn: int) -> tuple[int, AsnRule]:
    """The neighbor's AS, 0 where its OPEN has to say it, and which it may be. Not said: in the AS of this speaker."""
    given: int | AsnRule | str | None = peer.get("asn")
    if isinstance(given, AsnRule):
        return 0, given
    if given == "internal":
        return local_asn, AsnRule.FIXED
    return (given if isinstance(given, int) else asn), AsnRule.FIXED


def _transport(peer: PeerValues, address: bytes, report: Report) -> None:
    """Settings of the connection that contradict each other."""
    if "ttl-security" in peer.fields and "multihop" in peer.fields:
        report.error(
            peer.at("multihop"),
            f"{peer.field}: multihop",
            "ttl-security sends with TTL 255 and says itself how far the neighbor may be; give only one of the two",
        )
    if "ao-key-file" in peer.fields and "password-file" in peer.fields:
        report.error(
            peer.at("ao-key-file"),
            f"{peer.field}: ao-key-file",
            "TCP-AO and TCP MD5 exclude each other: keep one of them",
        )
    if "interface" in peer.fields and "multihop" in peer.fields and (not address or link_local(address)):
        report.error(
            peer.at("multihop"),
            f"{peer.field}: multihop",
            "a link-local session never leaves its link, so it has no hops",
        )
    if "max-prefix-restart" in peer.fields and peer.get("max-prefix-action").value != "restart":
        report.warn(
            peer.at("max-prefix-restart"),
            f"{peer.field}: max-prefix-restart",
            "does nothing without max-prefix-action=restart",
        )


def _ao_keys(peer: PeerValues, report: Report) -> tuple[AoKey, ...]:
    if "ao-key-file" not in peer.fields:
        return ()
    try:
        keys, doubt = read_ao_keys(peer.get("ao-key-file"))
    except ValueError as error:
        report.error(peer.at("ao-key-file"), f"{peer.field}: ao-key-file", str(error))
        return ()
    if doubt:
        report.warn(peer.at("ao-key-file"), f"{peer.field}: ao-key-file", doubt)
    return keys


def _ranges(values: Values, asn: int, report: Report) -> list[RangeSpec]:
    """The listen ranges, the longest prefix first: it is the one that counts where several match."""
    seen: dict[tuple[object, bytes], PeerValues] = {}
    found = []
    for peer in values.ranges:
        family, prefix = peer.get("prefix")
        if (first := seen.setdefault((family, prefix), peer)) is not peer:
            report.error(peer.at("prefix"), peer.field, f"is given twice (first: {first.at('prefix').text})")
            continue
        template = _neighbor(peer, peer.field, asn, {}, report, check=values.get("check"))
        template = replace(template, passive=True)
        found.append(RangeSpec(family=family, prefix=prefix, limit=peer.get("limit"), template=template))
    return sorted(found, key=lambda item: (-item.prefix[0], item.prefix))


def _timers(peer: PeerValues, report: Report) -> tuple[int, int]:
    """Hold and keepalive time. RFC 4271 section 10 suggests a third; more than that loses sessions."""
    hold: int = peer.get("hold-time")
    keepalive: int = peer.get("keepalive-time")
    if "keepalive-time" in peer.fields:
        if hold and not keepalive:
            report.error(
                peer.at("keepalive-time"),
                f"{peer.field}: keepalive-time",
                f"0 sends no keepalives, which needs hold-time 0 (it is {hold})",
            )
        elif hold and keepalive > hold // 3:
            report.warn(
                peer.at("keepalive-time"),
                f"{peer.field}: keepalive-time",
                f"{keepalive} is more than a third of the hold time ({hold}); {hold // 3} is used",
            )
    if {"idle-hold-min", "idle-hold-max"} <= peer.fields.keys() and peer.get("idle-hold-min") > peer.get(
        "idle-hold-max"
    ):
        report.error(
            peer.at("idle-hold-max"),
            f"{peer.field}: idle-hold-max",
            f"{peer.get('idle-hold-max'):g} is less than idle-hold-min ({peer.get('idle-hold-min'):g})",
        )
    return hold, min(keepalive, hold // 3)


def _source(peer: PeerValues, address: bytes, addresses: Mapping[bytes, str], report: Report) -> None:
    """The address that we dial from must be of the neighbor's family, and should be ours."""
    source: bytes | None = peer.get("source-address")
    if source is None:
        return
    where, field, text = peer.at("source-address"), f"{peer.field}: source-address", format_address(source)
    if len(source) != len(address):
        report.error(where, field, f"{text} and the neighbor's address are not of one family")
    elif source == address:
        report.error(where, field, f"{text} is the neighbor's own address")
    elif addresses and source not in addresses:
        report.warn(where, field, f"{text} is not an address of this machine now")


def _sources(values: Values) -> dict[str, str]:
    """Setting -> where its value came from; lists and neighbors one by one ("peer 192.168.1.11 asn")."""
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        given = values.all(setting.name)
        if setting.shape is Shape.LIST:
            sources |= {f"{setting.name} {setting.kind.show(value.value)}": value.origin.text for value in given}
        elif setting.shape not in (Shape.PEERS, Shape.RANGES) and setting.name not in ("config", "check"):
            sources[setting.name] = values.at(setting.name).text
    for peer in (*values.peers, *values.ranges):
        name = peer.field
        sources[name] = peer.origin.text
        sources |= {f"{name} {key}": value.origin.text for key, value in peer.fields.items() if key not in _HEADS}
    return sources
