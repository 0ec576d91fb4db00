"""From the spec in force to a new one: the smallest steps (pure).

A neighbor that did not change gets no step, so nothing that happens to another can touch its session.
What a changed field costs is a table: `_COST`. The order of steps is the order in which they are safe:
leave first what goes, then change what stays, then add what is new.
"""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Final

from bgpd.model import NeighborSpec, Originate, SpeakerSpec
from bgpd.wire.prefix import format_prefix


class Cost(IntEnum):
    """What it takes to bring a changed field of a neighbor into force."""

    NONE = 0  #: read anew whenever it is needed
    NEXT_SESSION = 1  #: negotiated or used at connection time; the running session is left alone
    POLICY = 2  #: routes are evaluated again, the session stays
    PASSWORD = 3  #: the TCP MD5 key is changed under the live connection
    RESET = 4  #: the session cannot go on: Cease, Other Configuration Change (RFC 4486)


#: Every field of NeighborSpec but its identity; a test holds the table against the class.
COST: Final[dict[str, Cost]] = {
    "name": Cost.NONE,
    "local_asn": Cost.RESET,
    "remote_asn": Cost.RESET,
    "port": Cost.NEXT_SESSION,
    "passive": Cost.NEXT_SESSION,
    "password": Cost.PASSWORD,
    "families": Cost.RESET,
    "import_rule": Cost.POLICY,
    "export_rule": Cost.POLICY,
    "import_policy": Cost.POLICY,
    "export_policy": Cost.POLICY,
    "source_address": Cost.RESET,
    "hold_time": Cost.NEXT_SESSION,
    "keepalive_time": Cost.NEXT_SESSION,
    "connect_retry_time": Cost.NEXT_SESSION,
    "idle_hold_min": Cost.NEXT_SESSION,
    "idle_hold_max": Cost.NEXT_SESSION,
    "asn_rule": Cost.RESET,
    "interface": Cost.RESET,
    "unnumbered": Cost.RESET,
    "multihop": Cost.RESET,
    "ttl_security": Cost.RESET,
    "ao_keys": Cost.RESET,
    "speaker_asn": Cost.RESET,
    "allow_own_as": Cost.POLICY,
    "as_override": Cost.POLICY,
    "remove_private_as": Cost.POLICY,
    "next_hop": Cost.POLICY,
    "default_originate": Cost.POLICY,
    "max_prefix": Cost.POLICY,
    "max_prefix_action": Cost.NONE,
    "max_prefix_restart": Cost.NONE,
    "max_prefix_out": Cost.NONE,
    "max_attribute_octets": Cost.NONE,
    "graceful_restart": Cost.NEXT_SESSION,
    "restart_time": Cost.NEXT_SESSION,
    "long_lived_stale_time": Cost.NEXT_SESSION,
    "long_lived_stale_limit": Cost.NONE,
    "send_hold_time": Cost.NONE,
    "graceful_shutdown": Cost.POLICY,
    "accept_blackhole": Cost.POLICY,
    "rr_client": Cost.POLICY,  # RFC 4456 negotiates nothing: who is a client is our own business
    "cluster_id": Cost.POLICY,
    "extended_messages": Cost.NEXT_SESSION,
    "add_path": Cost.RESET,
    "add_path_paths": Cost.POLICY,
    "extended_next_hop": Cost.RESET,
    "role": Cost.RESET,
    "role_strict": Cost.NEXT_SESSION,
    "leaving": Cost.NONE,
}


@dataclass(frozen=True, slots=True)
class RemoveNeighbor:
    spec: NeighborSpec


@dataclass(frozen=True, slots=True)
class AddNeighbor:
    spec: NeighborSpec


@dataclass(frozen=True, slots=True)
class ChangeNeighbor:
    """The same neighbor with other settings: `changed` names the fields, `cost` is the dearest of them."""

    spec: NeighborSpec
    changed: tuple[str, ...]
    cost: Cost


@dataclass(frozen=True, slots=True)
class Withdraw:
    originate: Originate


@dataclass(frozen=True, slots=True)
class Announce:
    originate: Originate


Step = RemoveNeighbor | AddNeighbor | ChangeNeighbor | Withdraw | Announce


def change_of(was: NeighborSpec, spec: NeighborSpec) -> ChangeNeighbor | None:
    """The step from one spec of a neighbor to another; None where they are equal."""
    changed = tuple(f.name for f in fields(NeighborSpec) if getattr(was, f.name) != getattr(spec, f.name))
    return ChangeNeighbor(spec, changed, max(COST[name] for name in changed)) if changed else None


def reconcile(old: SpeakerSpec, new: SpeakerSpec) -> list[Step]:
    """The steps from `old` to `new`; an empty list where nothing changed.

    A new router id or AS of the speaker resets every session: both are in every OPEN. Settings of the
    kernel table are not here: they need a restart, and `immutable` names them.
    """
    before = {spec.identity: spec for spec in old.neighbors}
    after = {spec.identity: spec for spec in new.neighbors}
    identity_changed = old.router_id != new.router_id or old.asn != new.asn
    steps: list[Step] = [RemoveNeighbor(spec) for address, spec in before.items() if address not in after]
    steps += [Withdraw(item) for item in old.originate if item not in new.originate]
    for address, spec in after.items():
        was = before.get(address)
        if was is None:
            continue
        changed = tuple(f.name for f in fields(NeighborSpec) if getattr(was, f.name) != getattr(spec, f.name))
        if identity_changed:
            steps.append(ChangeNeighbor(spec, (*changed, "router_id"), Cost.RESET))
        elif changed:
            steps.append(ChangeNeighbor(spec, changed, max(COST[name] for name in changed)))
    steps += [Announce(item) for item in new.originate if item not in old.originate]
    steps += [AddNeighbor(spec) for address, spec in after.items() if address not in before]
    return steps


def immutable(old: SpeakerSpec, new: SpeakerSpec) -> list[str]:
    """Settings that differ and that a running speaker cannot change: they need a restart."""
    names = []
    if old.kernel != new.kernel:
        names += [
            f.name
            for f in fields(old.kernel)
            if f.name != "pools" and getattr(old.kernel, f.name) != getattr(new.kernel, f.name)
        ]
    if old.multipath != new.multipath:
        names.append("multipath")
    return names


def describe_step(step: Step) -> str:
    """A step of a reload, for logs."""
    if isinstance(step, AddNeighbor):
        return f"neighbor {step.spec.name} added"
    if isinstance(step, RemoveNeighbor):
        return f"neighbor {step.spec.name} removed"
    if isinstance(step, ChangeNeighbor):
        return f"neighbor {step.spec.name}: {', '.join(step.changed)} ({step.cost.name.lower().replace('_', ' ')})"
    what = "announced" if isinstance(step, Announce) else "withdrawn"
    return f"{format_prefix(step.originate.family, step.originate.prefix)} {what}"
