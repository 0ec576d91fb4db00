"""Pages made of samples."""

from collections.abc import Iterator
from dataclasses import replace

from bgpd.http.service import Health
from bgpd.http.snapshot import ClusterMetrics, FamilyMetrics, FibMetrics, Histogram, MetricsSnapshot, NeighborMetrics
from bgpd.speaker.views import StatusView
from tests.unit.control.fake import STATUS

NODE2 = NeighborMetrics(
    name="node2",
    address="192.168.1.11",
    remote_asn=64512,
    external=False,
    state="Established",
    state_changed_at=1_750_000_000.123456,
    established=3,
    dropped={"hold-expired": 2},
    notifications_sent={(4, 0): 2},
    notifications_received={(6, 2): 1, (99, 7): 1},
    families={"ipv4": FamilyMetrics(received=12, accepted=11, advertised=1), "ipv6": FamilyMetrics()},
    messages_received={"OPEN": 3, "UPDATE": 12},
    messages_sent={"OPEN": 3, "KEEPALIVE": 231},
    octets_received=5120,
    octets_sent=4711,
    update_faults=2,
    faults={("ORIGIN", "withdraw"): 1, ("AGGREGATOR", "discard"): 1},
    attribute_octets=1234,
    stale={"ipv4": 3},
    output_queue_octets=70_000,
)

ODD = NeighborMetrics(
    name='a "quoted\\name"\nof two lines',
    address="2001:db8::1",
    remote_asn=4_200_000_000,
    external=True,
    state="Idle",
    state_changed_at=0.0,
)

SNAPSHOT = MetricsSnapshot(
    version="0.1.0",
    python="3.11.2",
    compiled=("rib", "wire"),
    asn=64512,
    router_id="192.168.1.10",
    ready=True,
    neighbors=[NODE2, ODD],
    prefixes={"ipv4": 3, "ipv6": 1},
    paths={"ipv4": 5, "ipv6": 1},
    update_groups=2,
    attribute_sets=7,
    policies={("from-rack", "customers"): 12, ("from-rack", ""): 3},
    redistributed={("static table 100", "ipv4", "accepted"): 3, ("static table 100", "ipv4", "rejected"): 1},
    fib=FibMetrics(
        in_sync=True,
        wanted={"ipv4": 3, "ipv6": 0},
        installed=2,
        conflicts=1,
        writes=9,
        repairs=1,
        held_back={"pending": 2, "refused": 1},
    ),
    loop_stall=Histogram(bounds=(0.001, 0.01, 1.0), counts=(90, 5, 3, 2), total=4.5),
    connections_refused=4,
    reloads=1,
    reload_failures=2,
    cluster=ClusterMetrics(following=True, revision=77, reads=2, resources=9, problems=1),
)


class SamplePages:
    """Answers from the samples, which a test may change."""

    def __init__(self) -> None:
        self.view: StatusView = replace(STATUS, ready=True, not_ready=[])
        self.snapshot = SNAPSHOT
        self.well = Health(loop_stall=0.0042)
        self.error: Exception | None = None

    def status(self) -> StatusView:
        return self.view

    def metrics(self) -> Iterator[MetricsSnapshot | None]:
        if self.error is not None:
            raise self.error
        yield None
        yield self.snapshot

    def health(self) -> Health:
        return self.well
