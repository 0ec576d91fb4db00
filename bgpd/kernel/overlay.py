"""The overlay kept in the kernel: devices while a pool needs them, entries before the routes that use them.

A device stays as long as the daemon runs, also when no pool needs it any more: a neighbor that was told later still
encapsulates. At a clean exit that takes the routes it goes with them; over a restart it stays, with its entries.
"""

from typing import Final

from bgpd.kernel import io_vxlan
from bgpd.kernel.io_vxlan import OverlayRefused
from bgpd.kernel.report import Reporter
from bgpd.kernel.resync import Resync
from bgpd.kernel.tables import Tables
from bgpd.kernel.tunnel import Tunnel, marked, source_of


class OverlayKeeper:
    """Does what `Overlays.waiting` waits for."""

    def __init__(self, tables: Tables, reporter: Reporter, resync: Resync, router_id: bytes) -> None:
        self._tables: Final = tables
        self._overlays: Final = tables.overlays
        self._reporter: Final = reporter
        self._resync: Final = resync
        self._router_id: Final = router_id

    async def run(self) -> None:
        """Devices, then entries. Raises OSError where an entry cannot be written: the worker tries again."""
        if self._overlays.unsure:
            self._overlays.unsure = False
            for octets, tunnel in self._overlays.tunnels.items():
                if self._overlays.active(octets) or tunnel.index:
                    await self._look_after(octets, tunnel)
        for tunnel in self._overlays.tunnels.values():
            if tunnel.missing and tunnel.index:
                adding = set(tunnel.missing)
                trouble = await self._resync.in_thread(io_vxlan.write, tunnel.index, adding)
                if trouble:
                    self._overlays.unsure = True
                    self._tables.counters["overlay_errors"] += 1
                    raise OSError(f"entries of {tunnel.name}: {'; '.join(trouble[:3])}")
                tunnel.known |= adding
                tunnel.missing -= adding

    async def _look_after(self, octets: int, tunnel: Tunnel) -> None:
        """Its device as it should be, and what it holds."""
        tables = self._tables
        source, trouble = source_of(octets, tables.links, tables.spec.vxlan.addresses, self._router_id)
        index = 0
        if source:
            try:
                index = await self._resync.in_thread(io_vxlan.ensure, tables.spec.vxlan, source)
            except OverlayRefused as error:
                trouble = str(error)
        if trouble and trouble != tunnel.reason:
            tables.counters["overlay_errors"] += 1
            self._reporter.tell("kernel_overlay", {"reason": f"the overlay's device {tunnel.name} {trouble}"})
        tunnel.reason = trouble or "is not there yet"
        if not index:
            tunnel.known.clear()
            tunnel.missing.clear()
        else:
            tunnel.known = await self._resync.in_thread(io_vxlan.read, index)
            tunnel.missing = self._used(octets) - tunnel.known
        if index != tunnel.index:
            tunnel.index = index
            for plane in tables.planes.values():
                plane.encoder.forget()
                plane.encoder.onlink = self._overlays.devices()
            tables.links.changed = True
        tables.review()

    def _used(self, octets: int) -> set[bytes]:
        """The next hops to which something is encapsulated."""
        device = self._overlays.tunnels[octets].index
        return {
            gateway
            for plane in self._tables.planes.values()
            for target in plane.fib.targets.values()
            if target.route is not None and any(marked(address) for address in target.addresses)
            for gateway, index in target.route.hops
            if index == device
        }

    async def tidy(self) -> None:
        """Entries of next hops that nobody uses any more go. Not before the sweep: adopted routes may need them."""
        for octets, tunnel in self._overlays.tunnels.items():
            unused = tunnel.known - self._used(octets)
            if tunnel.index and unused:
                tunnel.known -= unused
                await self._resync.in_thread(io_vxlan.write, tunnel.index, (), unused)

    async def remove(self) -> None:
        """The devices go, and the entries with them."""
        if any(tunnel.index for tunnel in self._overlays.tunnels.values()):
            await self._resync.in_thread(io_vxlan.remove)
