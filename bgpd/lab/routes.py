"""A host's kernel routes: read, compared with what must be there, and watched with the kernel's own events.

Everything goes through iproute2, which every host of the lab has: what is printed here is what anybody would see who
logged in and typed `ip route`.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from types import TracebackType
from typing import Self

from bgpd.lab.driver import Driver, on, stream_on
from bgpd.lab.shell import Failed
from bgpd.lab.topology import EAST_POOL, POOL, PROTOCOL, SERVICES, Gateways, Topology

Table = dict[IPv4Network, Gateways]


def read_table(driver: Driver, host: str, protocol: str | None = str(PROTOCOL)) -> Table:
    """The host's IPv4 routes of one protocol (None: those of the clusters by a gateway): prefix -> next hops."""
    words = ["ip", "-4", "-j", "route", "show", *([] if protocol is None else ["proto", protocol])]
    return parse_table(on(driver, host, *words), pool_only=protocol is None)


def parse_table(text: str, *, pool_only: bool = False) -> Table:
    """The JSON of `ip -j route` as a table."""
    table: Table = {}
    for row in json.loads(text or "[]"):
        if row["dst"] == "default":
            continue
        prefix = IPv4Network(row["dst"])
        hops = [row, *row.get("nexthops", [])]
        gateways = frozenset(IPv4Address(hop["gateway"]) for hop in hops if "gateway" in hop)
        if pool_only and not (gateways and any(prefix.subnet_of(each) for each in (POOL, EAST_POOL, SERVICES))):
            continue
        table[prefix] = gateways
    return table


def difference(found: Mapping[IPv4Network, Gateways], expected: Mapping[IPv4Network, Gateways]) -> str | None:
    """In words, how a table is not as expected; None where it is."""
    missing = [str(prefix) for prefix in expected if prefix not in found]
    extra = [str(prefix) for prefix in found if prefix not in expected]
    other = [
        f"{prefix} via {words(found[prefix])}, not {words(expected[prefix])}"
        for prefix in expected
        if prefix in found and found[prefix] != expected[prefix]
    ]
    parts = [("missing ", missing), ("not expected ", extra), ("", other)]
    return "; ".join(head + ", ".join(rows[:4] + ["..."] * (len(rows) > 4)) for head, rows in parts if rows) or None


def words(gateways: Gateways) -> str:
    """Next hops as people read them."""
    return " + ".join(str(gateway) for gateway in sorted(gateways)) or "blackhole"


class Watch:
    """The route events of one host's kernel, from before the thing that is watched for. Use it in a `with`."""

    #: `ip monitor` says nothing when it starts to listen; the kernel's list of netlink sockets does: one of the
    #: process's sockets (by inode, the last column) is a member of groups (the fourth)
    SCRIPT = r"""
ip -o -ts -4 monitor route & p=$!
listening() {
  for f in /proc/$p/fd/*; do
    case $(readlink "$f") in
      socket:*) i=$(readlink "$f"); i=${i#socket:?}; i=${i%?} ;;
      *) continue ;;
    esac
    grep -Eq "^[0-9a-f]+ +0 +[0-9]+ +[0-9a-f]*[1-9a-f][0-9a-f]* .* $i *$" /proc/net/netlink && return 0
  done
  return 1
}
until listening; do kill -0 $p || exit 1; done
echo listening
cat >/dev/null
kill $p
"""

    def __init__(self, driver: Driver, host: str) -> None:
        self.host = host
        self._stream = stream_on(driver, host, "env", "TZ=UTC", "sh", "-c", self.SCRIPT)

    def __enter__(self) -> Self:
        self._stream.wait(lambda lines: "listening" in lines, timeout=10, what=f"watch {self.host}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def wait_gone(self, prefix: IPv4Network, timeout: float) -> float:
        """When the last route to a prefix was deleted (seconds since the epoch)."""
        return self._wait({prefix}, timeout, present=False)

    def wait_there(self, prefixes: Iterable[IPv4Network], timeout: float) -> float:
        """When the last of these prefixes got its route (seconds since the epoch)."""
        return self._wait(set(prefixes), timeout, present=True)

    def last_change(self, prefixes: Iterable[IPv4Network]) -> float:
        """When the last event about one of these prefixes was, so far (seconds since the epoch; 0.0: none)."""
        times = replay(self._stream.lines())[1]
        return max((times[prefix] for prefix in prefixes if prefix in times), default=0.0)

    def _wait(self, prefixes: set[IPv4Network], timeout: float, *, present: bool) -> float:
        last = 0.0

        def enough(lines: list[str]) -> bool:
            nonlocal last
            state, times = replay(lines)
            last = max((times[prefix] for prefix in prefixes if prefix in times), default=0.0)
            return all(state.get(prefix) is present for prefix in prefixes)

        verb = "route" if present else "withdrawal"
        names = ", ".join(sorted(str(prefix) for prefix in prefixes)[:4])
        self._stream.wait(enough, timeout=timeout, what=f"{verb} of {names} in the kernel of {self.host}")
        return last


def replay(lines: Iterable[str]) -> tuple[dict[IPv4Network, bool], dict[IPv4Network, float]]:
    """Monitor lines -> which prefixes are there now, and when each was last changed (seconds since the epoch)."""
    state: dict[IPv4Network, bool] = {}
    times: dict[IPv4Network, float] = {}
    for line in lines:
        if not line.startswith("["):
            continue
        stamp, _, rest = line[1:].partition("]")
        fields = rest.split()
        deleted = fields[:1] == ["Deleted"]
        fields = fields[1:] if deleted else fields
        if fields and fields[0] in {"blackhole", "unreachable", "prohibit", "unicast"}:
            fields = fields[1:]
        try:
            prefix = IPv4Network(fields[0])
            moment = datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp()
        except (IndexError, ValueError):
            continue  # a host route of the kernel's own tables, a default route
        state[prefix] = not deleted
        times[prefix] = moment
    return state, times


def protocol_of(topology: Topology, host: str) -> str | None:
    """The mark of a host's BGP routes in its kernel; None for a data-centre router, where it depends on the program."""
    if topology.calico is not None and host == topology.calico.name:
        return "bird"
    return str(PROTOCOL) if host in {node.name for node in topology.speakers} else None


def require_host(
    driver: Driver, host: str, without: frozenset[str] = frozenset(), topology: Topology | None = None
) -> None:
    """Raise Failed where a host's kernel does not hold exactly what it must.

    `without` names nodes that are down; `topology` is what counts where not the driver's own does.
    """
    topology = topology or driver.topology
    protocol = protocol_of(topology, host)
    if protocol is None:
        expected = topology.expected_on_router(without)
    else:
        expected = topology.expected_on_node(topology.node(host), without)
    require(read_table(driver, host, protocol), expected, host)


def require(found: Table, expected: Table, where: str) -> None:
    """Raise Failed where a table is not as expected."""
    wrong = difference(found, expected)
    if wrong is not None:
        raise Failed(f"{where}: {wrong}")
