"""The first cluster's datastore, as its owners and its CNI plugin use it.

Resources go in and out by `bgpctl` with the datastore's URL, on the host that has the datastore. The pods of the lab
have their addresses before anything runs, so their blocks have to be claimed before the nodes come: `claim` does it by
the same protocol as a node, and the node finds its block when it starts.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, ip_network
from typing import Any

from bgpd.cluster.store.claim import Pool
from bgpd.cluster.store.claim import claim as take
from bgpd.cluster.store.opening import open_store
from bgpd.config.datastore import parse_datastore
from bgpd.lab.driver import Driver
from bgpd.lab.shell import Failed, attempt, until
from bgpd.lab.topology import Node
from bgpd.model import DatastoreSpec

HOST = "etcd"
PATIENCE = 30.0  #: seconds that an etcd gets to answer
BGPCTL = "import sys; from bgpd.cli.main import main; sys.exit(main())"


def wait(driver: Driver) -> None:
    """Until the datastore answers. Raises Failed."""

    def missing() -> str | None:
        code, out, err = _run(driver, "get", "nodes")
        return None if code == 0 else (err or out).strip()

    until("the datastore answers", missing, timeout=PATIENCE, pause=0.2)


def apply(driver: Driver, text: str) -> str:
    """Write resources; what bgpctl says. Raises Failed."""
    return _said(driver, "apply", "-f", "-", given=text)


def delete(driver: Driver, kind: str, name: str) -> str:
    """Remove a resource; what bgpctl says. Raises Failed."""
    return _said(driver, "delete", kind, name)


def mesh(driver: Driver) -> dict[str, Any]:
    """What `bgpctl mesh --json` says; raises Failed where it says nothing."""
    _, out, err = _run(driver, "mesh", "--json")  # exit code 1: the mesh has a hole
    try:
        found: dict[str, Any] = json.loads(out)
    except ValueError:
        raise Failed(f"bgpctl mesh: {err.strip() or out.strip()}") from None
    return found


def claim(driver: Driver, nodes: Iterable[Node]) -> None:
    """Each of these nodes has its block from now on. Raises Failed."""
    pairs = [f"{node.name}={node.block}" for node in nodes]
    words = [*driver.python(HOST), "-m", "bgpd.lab.store", driver.topology.datastore, *pairs]
    code, out, err = attempt(driver.argv(HOST, words))
    if code != 0:
        raise Failed(f"claiming blocks: {(err or out).strip()}")


def _said(driver: Driver, *words: str, given: str = "") -> str:
    code, out, err = _run(driver, *words, given=given)
    if code != 0:
        raise Failed(f"bgpctl {' '.join(words)}: {(err or out).strip()}")
    return out


def _run(driver: Driver, *words: str, given: str = "") -> tuple[int, str, str]:
    command = [*driver.python(HOST), "-c", BGPCTL, words[0], "--datastore", driver.topology.datastore, *words[1:]]
    return attempt(driver.argv(HOST, command), given=given)


async def _claim(url: str, wanted: Sequence[tuple[str, IPv4Network]]) -> list[str]:
    """Claim one block for each node; what could not be had."""
    scheme, places = parse_datastore(url)
    store = open_store(DatastoreSpec(scheme=scheme, places=places))
    try:
        got = [await take(store, node, [Pool(block, block.prefixlen)]) for node, block in wanted]
    finally:
        await store.close()
    return [f"{node}: {block} is not free" for (node, block), it in zip(wanted, got, strict=True) if it.block != block]


def _main(url: str, *pairs: str) -> int:
    wanted = []
    for pair in pairs:
        node, _, block = pair.partition("=")
        network = ip_network(block)
        assert isinstance(network, IPv4Network)
        wanted.append((node, network))
    trouble = asyncio.run(_claim(url, wanted))
    print("\n".join(trouble), file=sys.stderr)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
