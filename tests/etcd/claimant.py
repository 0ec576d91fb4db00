"""One process that claims a block, and that dies at a step: `python -m tests.etcd.claimant URL NODE before|after|never N`."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from ipaddress import ip_network

from bgpd.cluster.store.base import Condition, Write
from bgpd.cluster.store.claim import Pool, claim
from bgpd.cluster.store.etcd import EtcdStore
from bgpd.cluster.store.gateway import Access

POOL = Pool(ip_network("10.244.0.0/23"), 26)


class Mortal(EtcdStore):
    """A store whose user is killed before, or after, its nth write reached etcd."""

    when, at, count = "never", 0, 0

    async def write(self, conditions: Iterable[Condition], writes: Iterable[Write]) -> int | None:
        self.count += 1
        if (self.when, self.at) == ("before", self.count):
            os.kill(os.getpid(), signal.SIGKILL)
        revision = await super().write(conditions, writes)
        if (self.when, self.at) == ("after", self.count):
            os.kill(os.getpid(), signal.SIGKILL)
        return revision


async def main(url: str, node: str, when: str, at: str) -> None:
    store = Mortal(Access(endpoints=(url,)))
    store.when, store.at = when, int(at)
    found = await claim(store, node, [POOL])
    print(found.outcome.value, found.block)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
