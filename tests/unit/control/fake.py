"""A speaker that is made of samples: what the tests of control, cli and http ask."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from bgpd.speaker.events import EventView
from bgpd.speaker.views import (
    ActionView,
    FamilyView,
    KernelCheckView,
    KernelFindingView,
    KernelRouteView,
    KernelView,
    NeighborView,
    NotificationView,
    PolicyTermView,
    PolicyTestView,
    PolicyView,
    RouteView,
    StatusView,
)
from bgpd.wire.family import Family
from bgpd.wire.prefix import format_prefix

NOW = 1_750_000_000.0

STATUS = StatusView(
    version="0.1.0",
    hostname="node1",
    pid=4711,
    asn=64512,
    router_id="192.168.1.10",
    started=NOW - 7384,
    uptime=7384.0,
    listen=["0.0.0.0:179", "[::]:179"],
    neighbors=4,
    established=2,
    prefixes={"ipv4": 3, "ipv6": 1},
    paths={"ipv4": 5, "ipv6": 1},
    update_groups=2,
    ready=False,
    not_ready=["neighbor node3 is not established", "2 routes are not in the kernel"],
    kernel_in_sync=False,
    rss=44_040_192,
    loop_stall=0.0042,
    compiled=False,
)

NODE2 = NeighborView(
    name="node2",
    address="192.168.1.11",
    local_asn=64512,
    remote_asn=64512,
    external=False,
    state="Established",
    since=NOW - 133,
    reason="KEEPALIVE received",
    established_count=3,
    remote_router_id="192.168.1.11",
    local_address="192.168.1.10",
    local_port=41234,
    remote_port=179,
    direction="dialed",
    password=True,
    hold_time=90,
    keepalive_time=30,
    hold_left=67.3,
    import_rule="all",
    export_rule="own",
    capabilities_sent=["multiprotocol ipv4", "multiprotocol ipv6", "route refresh", "4-octet AS 64512"],
    capabilities_received=["multiprotocol ipv4", "route refresh", "4-octet AS 64512", "unknown 200 (0102)"],
    families=[
        FamilyView(
            family="ipv4",
            negotiated=True,
            received=12,
            accepted=11,
            advertised=1,
            end_of_rib_received=True,
            end_of_rib_sent=True,
            next_hop="192.168.1.10",
        ),
        FamilyView(family="ipv6", negotiated=False),
    ],
    messages_received={"OPEN": 3, "UPDATE": 12, "NOTIFICATION": 1, "KEEPALIVE": 230},
    messages_sent={"OPEN": 3, "UPDATE": 4, "KEEPALIVE": 231, "ROUTE-REFRESH": 1},
    octets_received=5120,
    octets_sent=4711,
    update_faults=2,
    last_fault="MED: length 3 (attribute discarded)",
    last_notification=NotificationView(
        direction="received", code=6, subcode=2, text="Cease: Administrative Shutdown", data="03627965", at=NOW - 400
    ),
    output_queue_octets=70_000,
)

NODE3 = NeighborView(
    name="192.168.1.12",
    address="192.168.1.12",
    local_asn=64512,
    remote_asn=64512,
    external=False,
    state="Active",
    since=NOW - 14,
    reason="connection refused; next try in 3 s",
    established_count=0,
    families=[FamilyView(family="ipv4", negotiated=False)],
)

ROUTER = NeighborView(
    name="dc-router",
    address="2001:db8::1",
    local_asn=64512,
    remote_asn=65001,
    external=True,
    state="Established",
    since=NOW - 90_000,
    reason="KEEPALIVE received",
    established_count=1,
    remote_router_id="10.0.0.1",
    local_address="2001:db8::10",
    local_port=179,
    remote_port=33000,
    direction="accepted",
    passive=True,
    hold_time=90,
    keepalive_time=30,
    import_rule="none",
    export_rule="none",
    policy_note="eBGP without import and export: nothing is exchanged (RFC 8212); set import= and export=",
    families=[FamilyView(family="ipv6", negotiated=True)],
)

HOSTILE = NeighborView(
    name="evil",
    address="192.168.1.66",
    local_asn=64512,
    remote_asn=65066,
    external=True,
    state="Idle",
    since=NOW - 3,
    reason="Cease: \x1b]0;owned\x07 \u202edlrow",
    established_count=0,
)

NEIGHBORS = [NODE2, NODE3, ROUTER, HOSTILE]

ROUTES = [
    RouteView(
        family="ipv4",
        prefix="10.244.1.0/24",
        source="local",
        next_hop="self",
        best=True,
        multipath=False,
        eligible=True,
        reason="the only path",
        origin="IGP",
        as_path="",
        since=NOW - 7384,
    ),
    RouteView(
        family="ipv4",
        prefix="10.244.2.0/24",
        source="node2",
        next_hop="192.168.1.11",
        best=True,
        multipath=True,
        eligible=True,
        reason="lowest router id",
        origin="IGP",
        as_path="",
        local_pref=100,
        communities=["64512:1", "no-export"],
        large_communities=["64512:1:2"],
        ext_communities=["rt:64512:5"],
        attributes={"AIGP": "12"},
        since=NOW - 133,
        installed="yes",
    ),
    RouteView(
        family="ipv4",
        prefix="10.244.2.0/24",
        source="dc-router",
        next_hop="192.168.1.1",
        best=False,
        multipath=False,
        eligible=True,
        reason="longer AS path",
        origin="incomplete",
        as_path="65001 65002 {1 2}",
        local_pref=100,
        med=50,
        since=NOW - 90_000,
    ),
    RouteView(
        family="ipv4",
        prefix="10.244.3.0/24",
        source="192.168.1.12",
        next_hop="192.168.1.12",
        best=True,
        multipath=False,
        eligible=True,
        reason="the only path",
        origin="IGP",
        as_path="",
        local_pref=100,
        since=NOW - 14,
        installed="conflict: protocol 4 holds this route",
    ),
    RouteView(
        family="ipv6",
        prefix="fd00:2::/64",
        source="dc-router",
        next_hop="fe80::1",
        best=False,
        multipath=False,
        eligible=False,
        reason="our own AS is in its AS path",
        origin="EGP",
        as_path="65001 64512",
        since=NOW - 5,
    ),
]

KERNEL = KernelView(
    enabled=True,
    table=254,
    protocol=64,
    metric=64,
    in_sync=False,
    wanted=3,
    installed=2,
    pending=0,
    failed=0,
    conflicts=1,
    unresolved=0,
    routes=[
        KernelRouteView(family="ipv4", prefix="10.244.1.0/24", kind="blackhole", next_hops=[], state="installed"),
        KernelRouteView(
            family="ipv4",
            prefix="10.244.2.0/24",
            kind="unicast",
            next_hops=["192.168.1.11 dev eth0", "192.168.1.1 dev eth0"],
            state="installed",
        ),
        KernelRouteView(
            family="ipv4",
            prefix="10.244.3.0/24",
            kind="unicast",
            next_hops=["192.168.1.12 dev eth0"],
            state="conflict",
            reason="protocol 4 holds this route",
        ),
    ],
)

EVENTS = [
    EventView(
        at=NOW, event="session", neighbor="node2", old="OpenConfirm", new="Established", reason="KEEPALIVE received"
    ),
    EventView(at=NOW + 1, event="route", neighbor="node2", prefix="10.244.2.0/24", old="", new="192.168.1.11"),
    EventView(
        at=NOW + 2, event="session", neighbor="node2", old="Established", new="Idle", reason="hold timer expired"
    ),
    EventView(at=NOW + 3, event="kernel", prefix="10.244.2.0/24", reason="removed by somebody else; written again"),
    EventView(at=NOW + 4, event="config", reason="reloaded: 1 neighbor added"),
]


CHECK = KernelCheckView(
    in_step=False,
    wanted=3,
    unresolved=1,
    written=3,
    dumped=3,
    looked_up=2,
    differences=1,
    seconds=0.012,
    findings=[
        KernelFindingView(
            family="ipv4",
            prefix="10.244.2.0/24",
            difference="changed",
            wanted="192.168.1.11 dev eth0",
            found="192.168.1.99 dev eth0",
            reason="it was written, and changed without an event",
        )
    ],
)


class FakeQueries:
    """Answers from the samples; remembers what it was asked for, and who listens."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str | None, str, str | None, bool]] = []
        self.listeners: list[Callable[[EventView], None]] = []
        self.acted: list[tuple[str, str, str]] = []
        self.refuses = ""  #: why `manage` does nothing; empty: it does
        self.rows: Callable[[], Iterator[RouteView | None]] | None = None
        self.error: Exception | None = None
        self.tried: object = None

    def status(self) -> StatusView:
        if self.error is not None:
            raise self.error
        return STATUS

    def neighbors(self) -> Iterable[NeighborView]:
        return list(NEIGHBORS)

    def neighbor(self, name_or_address: str) -> NeighborView | None:
        return next((n for n in NEIGHBORS if name_or_address in {n.name, n.address}), None)

    def routes(
        self, family: Family | None, prefix: bytes | None, table: str, neighbor: str | None, *, longest: bool = False
    ) -> Iterator[RouteView | None]:
        text = None if family is None or prefix is None else format_prefix(family, prefix)
        self.asked.append((None if family is None else family.name, text, table, neighbor, longest))
        return iter(ROUTES) if self.rows is None else self.rows()

    def kernel_check(self) -> Awaitable[KernelCheckView]:
        async def later() -> KernelCheckView:
            return CHECK

        return later()

    def kernel(self, routes: bool) -> KernelView:
        return KERNEL if routes else KernelView(**{f: getattr(KERNEL, f) for f in KERNEL.__slots__ if f != "routes"})

    def act(self, action: str, name_or_address: str, text: str) -> ActionView:
        if action.startswith("reset soft"):
            raise ValueError(f"{name_or_address} is Idle: there is no session to refresh")
        self.acted.append((action, name_or_address, text))
        return ActionView(neighbor=name_or_address, result=f"{name_or_address}: {action}")

    def manage(self, action: str, text: str) -> ActionView:
        if self.refuses:
            raise ValueError(self.refuses)
        self.acted.append((action, "", text))
        return ActionView(neighbor="", result=action)

    def policies(self) -> Iterable[PolicyView | None]:
        term = PolicyTermView(name="one", match=["med 5"], then=["accept"], hits=3)
        return [
            PolicyView(name=name, builtin=False, reads_prefix=False, imports=[], exports=[], terms=[term], fallen=0)
            for name in ("in", "out")
        ]

    def policy_test(
        self, policy: str | None, neighbor: str | None, route: Mapping[str, Any] | None, way: str
    ) -> Iterator[PolicyTestView | None]:
        if policy == "wrong":
            raise ValueError("there is no policy 'wrong'")
        self.tried = (policy, neighbor, None if route is None else dict(route), way)
        yield PolicyTestView(
            family="ipv4",
            prefix="10.0.0.0/8",
            source=neighbor or "",
            policy=policy or "",
            accepted=True,
            term="one",
            reason="",
            fired=["one"],
            changes=[],
            as_path="",
        )

    def subscribe(self, callback: Callable[[EventView], None]) -> Callable[[], None]:
        self.listeners.append(callback)

        def unsubscribe() -> None:
            if callback in self.listeners:
                self.listeners.remove(callback)

        return unsubscribe

    def emit(self, event: EventView) -> None:
        for listener in list(self.listeners):
            listener(event)


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop run until the condition holds; the test's own time limit ends a wait in vain."""
    while not condition():
        await asyncio.sleep(0.001)
