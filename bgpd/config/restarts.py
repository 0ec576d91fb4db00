"""What a neighbor's settings of restarts, shutdowns and silence mean together: RFC 4724, 9494, 9687, 8326, 7999."""

from typing import Any

from bgpd.config.report import Report
from bgpd.config.values import PeerValues
from bgpd.model import GracefulRestart
from bgpd.wire.family import Family


def restarts(peer: PeerValues, *, hold_time: int, report: Report) -> dict[str, Any]:
    """Fields of NeighborSpec. What contradicts another key is an error, what has no effect a warning."""
    mode: GracefulRestart = peer.get("graceful-restart")
    for key in ("restart-time", "long-lived-stale-time"):
        if key in peer.fields and mode is not GracefulRestart.FULL:
            text = f"asks the neighbor to keep our routes, which graceful-restart={mode.value} does not"
            report.error(peer.at(key), f"{peer.field}: {key}", text)
    if "long-lived-stale-limit" in peer.fields and mode is GracefulRestart.OFF:
        text = "limits how long its routes are kept, and graceful-restart=off keeps none"
        report.error(peer.at("long-lived-stale-limit"), f"{peer.field}: long-lived-stale-limit", text)
    send_hold: int | None = peer.get("send-hold-time")
    if send_hold and send_hold <= hold_time:
        text = f"{send_hold} is not more than the hold time ({hold_time}), as RFC 9687 wants it"
        report.error(peer.at("send-hold-time"), f"{peer.field}: send-hold-time", text)
    return {
        "graceful_restart": mode,
        "restart_time": peer.get("restart-time"),
        "long_lived_stale_time": _long_lived(peer, report),
        "long_lived_stale_limit": peer.get("long-lived-stale-limit"),
        "send_hold_time": send_hold,
        "graceful_shutdown": peer.get("graceful-shutdown"),
        "accept_blackhole": peer.get("accept-blackhole"),
    }


def _long_lived(peer: PeerValues, report: Report) -> tuple[tuple[Family, int], ...]:
    """Seconds by family; one number is for every family of the neighbor."""
    value: int | tuple[tuple[Family, int], ...] = peer.get("long-lived-stale-time")
    families: tuple[Family, ...] = peer.get("families")
    if isinstance(value, int):
        return tuple([(family, value) for family in families if value])
    for family, _ in value:
        if family not in families:
            text = f"{family.name} is not among the families of this neighbor"
            report.error(peer.at("long-lived-stale-time"), f"{peer.field}: long-lived-stale-time", text)
    return tuple([(family, seconds) for family, seconds in value if seconds])
