"""The daemon as a node of a cluster: the datastore is followed, decided upon, and laid over the configuration.

store -> picture -> snapshot -> plan -> spec: each step is a value, and the last one is what SIGHUP would bring.

The first spec comes from what the store says, or from the last picture on disk while it does not answer. After that
every change of the store is a new spec, and the reconciler takes the smallest steps. What cannot be read, decided or
done is a problem with a name: it is logged once, stands in the node's status, and takes nothing else along.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator
from contextlib import suppress
from dataclasses import fields, replace
from math import inf
from pathlib import Path
from typing import Any, Final

from bgpd.cluster.decide import UnknownNodeError, decide
from bgpd.cluster.handover import Handover
from bgpd.cluster.kinds import Resource
from bgpd.cluster.own import ServiceAddress
from bgpd.cluster.plan import Host, NodePlan
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.resources import IPPool, Node, SecretRef
from bgpd.cluster.scalars import Net
from bgpd.cluster.specs import compile_plan
from bgpd.cluster.store import secrets
from bgpd.cluster.store.address import Found, detect
from bgpd.cluster.store.base import Store
from bgpd.cluster.store.follow import Follower, Moved, State
from bgpd.cluster.store.keys import ALIVE
from bgpd.cluster.store.member import Emit, Identity, Member
from bgpd.cluster.store.opening import open_store
from bgpd.cluster.store.reading import Reader, ranges_of
from bgpd.config.datastore import parse_node_name
from bgpd.health.service import Health
from bgpd.http.snapshot import ClusterMetrics
from bgpd.model import DaemonSpec
from bgpd.net.discover import local_addresses, source_towards
from bgpd.net.io_clock import now
from bgpd.wire.family import IPV4, IPV6, Family
from bgpd.wire.prefix import format_address, pack_prefix

_SHARE: Final = 4.0  #: a decision may take a fourth of the time while changes pour in
_LONGEST: Final = 1.0  #: seconds that a change waits at most
_AFTER_BUG: Final = 1.0  #: seconds
_AGAIN: Final = 60.0  #: seconds after which it is said again that the datastore does not answer
_PATIENCE: Final = 1.0  #: seconds that the datastore has before the last picture on disk is good enough
_LOOK: Final = 0.5  #: seconds between two looks at whether what leaves is still needed
_SECRETS: Final = 2.0  #: seconds between two looks at a directory of secrets


class Membership:
    """The datastore's part in a daemon. Make it inside the event loop; `open`, then `lay` whenever it says so."""

    def __init__(
        self,
        base: DaemonSpec,
        log: Emit,
        *,
        on_change: Callable[[], None],
        report: Callable[[Collection[tuple[Family, bytes]]], Awaitable[dict[str, Any]]],
        needed: Callable[[frozenset[bytes]], Generator[None, None, frozenset[bytes]]],
    ) -> None:
        """`on_change`: `lay` would give another spec now. `needed`: as `speaker.handover`.

        Raises StoreError or ValueError where nothing can begin.
        """
        self._base = base
        self._log: Final = log
        self._on_change: Final = on_change
        self._report: Final = report
        self._needed: Final = needed
        self._handover: Final = Handover()
        self._handing_over: asyncio.Task[None] | None = None
        spec = base.datastore
        self.node: Final = parse_node_name(spec.node or base.hostname.lower())
        self.store: Final[Store] = open_store(spec)
        self._reader: Final = Reader()
        self._passwords: dict[SecretRef, bytes] = {}
        self._plan: NodePlan | None = None
        self._laid: NodePlan | None = None  # the plan with what outlives those before it
        self._problems: dict[str, str] = {}
        self._deleted = False  # our Node was there, and is not any more
        self._left_out: tuple[Problem, ...] = ()  # what kept a session out of the last spec
        self._decided: Final = asyncio.Event()
        self._due: asyncio.Handle | None = None
        self._cost = 0.0
        self._last = 0.0
        self._told: State | None = None  # the state that the log knows, and since when
        self._told_at = 0.0
        self._health: Final = Health(self._ailing, log)
        self._tasks: list[asyncio.Task[None]] = []
        self.follower: Final = Follower(
            self.store,
            ranges_of(self.node, secrets=not spec.secrets),
            on_change=self._moved,
            on_state=self._state,
            cached=Path(spec.cache),
        )
        machine = f"{base.hostname} {_machine_id()}".strip()
        self.member: Final = Member(
            self.store,
            Identity(node=self.node, machine=machine, asn=spec.asn),
            snapshot=lambda: self._reader.snapshot,
            following=self._following,
            addresses=self._addresses,
            report=self.status,
            log=log,
        )

    async def open(self) -> None:
        """Until there is something to lay: from the store, once we are registered there, or from the cache."""
        loop = asyncio.get_running_loop()
        duties = [self.follower.run, self.member.run]
        if self._base.datastore.secrets:
            duties.append(self._watch_secrets)
        self._tasks = [loop.create_task(self._kept_up(duty)) for duty in duties]
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self.follower.tried.wait()
        self.follower.start_from_cache()
        await self._decided.wait()

    async def close(self, *, leave: bool) -> None:
        """Stop following. `leave`: tell the others that this node goes."""
        if self._due is not None:
            self._due.cancel()
        tasks = [*self._tasks, *([self._handing_over] if self._handing_over is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._health.stop()
        if leave:
            await self.member.leave()
        await self.store.close()

    def rebase(self, base: DaemonSpec) -> DaemonSpec:
        """The configuration was read again; what is in force over it."""
        self._base = base
        self._decide()
        return self.lay()

    def lay(self) -> DaemonSpec:
        """The configuration with the cluster's plan over it."""
        assert self._plan is not None
        plan = self._laid = self._hand_over(self._plan)
        compiled = compile_plan(plan, self._base.speaker, self._passwords, self._host())
        self._left_out = compiled.problems
        self._judge()
        sources = self._base.sources
        listen = self._base.listen if any(name.split()[0] == "listen" for name in sources) else plan.listen
        speaker = compiled.speaker
        if _chosen(sources.get("router-id", "")):
            speaker = replace(speaker, router_id=self._base.speaker.router_id)
        log_level = self._base.log_level if _chosen(sources.get("log-level", "")) else plan.log_level
        return replace(self._base, speaker=speaker, listen=listen, log_level=log_level)

    def nudge(self, _address: bytes = b"") -> None:
        """Somebody unknown calls: perhaps a node that we have not heard of."""
        self.follower.nudge()

    def poke(self) -> None:
        """A session moved: the status is told again soon."""
        self.member.poke()

    async def _kept_up(self, duty: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A duty begins again after a mistake of ours: without it the node would go on, deaf."""
        while True:
            try:
                await duty()
            except Exception:  # noqa: BLE001 - whatever it is, it is told
                reason = "following the cluster failed, and begins again; please report this"
                self._log("error", "bug", {"reason": reason, "traceback": traceback.format_exc()})
                await asyncio.sleep(_AFTER_BUG)
            else:
                return

    # -- following -----------------------------------------------------------------------------------------------
    async def _following(self) -> None:
        await self.follower.following.wait()

    def _moved(self, moved: Moved) -> None:
        if self._due is None:
            wait = min(self._cost * _SHARE - (now() - self._last), _LONGEST)
            self._due = asyncio.get_running_loop().call_later(max(0.0, wait), self._turn)
        if any("/ippools/" in key or "/nodes/" in key for key in moved.keys):
            self.member.poke()

    def _turn(self) -> None:
        self._due = None
        began = now()
        before = self._plan, self._passwords
        self._decide()
        if self._plan is not None and (self._plan, self._passwords) != before:
            self._on_change()  # which lays, and judges
        else:
            self._judge()
        self._last = now()
        self._cost = self._last - began

    def _decide(self) -> None:
        """The plan of the picture as it is now; the old one stays where there is none."""
        picture = self.follower.picture
        snapshot = self._reader.read(picture)
        wanted = _wanted(snapshot.resources)
        passwords: dict[SecretRef, bytes] = {}
        directory = Path(self._base.datastore.secrets) if self._base.datastore.secrets else None
        for ref in wanted:
            with suppress(ValueError):
                passwords[ref] = secrets.find(ref.name, ref.key, directory, picture.entries)
        self._passwords = passwords
        if wanted:  # now it is known which of them are there
            snapshot = self._reader.read(picture, frozenset(passwords))
        try:
            plan = decide(snapshot, self.node, self._host())
        except UnknownNodeError:
            self._deleted = self._plan is not None  # or not registered yet; what runs goes on
            return
        self._deleted = False
        if self._plan is None and self.follower.state is State.FOLLOWING and not self.member.registered.is_set():
            self._when_registered()
            return
        self._plan = plan
        services = snapshot.all(ServiceAddress)
        checks = {name: services[name].health_check for name in plan.checked}
        self._health.configure({name: check for name, check in checks.items() if check is not None})
        self._decided.set()

    def _ailing(self) -> None:
        """A health check has another answer."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_soon(self._turn)

    def _when_registered(self) -> None:
        """A node of our name is there already, and is not ours until we say so: decide then."""

        async def wait() -> None:
            await self.member.registered.wait()
            self._turn()

        if not any(task.get_name() == "registered" for task in self._tasks):
            self._tasks.append(asyncio.get_running_loop().create_task(wait(), name="registered"))

    def _state(self, state: State, reason: str) -> None:
        if state is State.FOLLOWING:
            self._log("info", "datastore", {"state": state.value, "store": self.store.name})
        elif state is not self._told or now() - self._told_at >= _AGAIN:  # each endpoint fails in words of its own
            self._told_at = now()
            self._log("warning", "datastore", {"state": state.value, "store": self.store.name, "reason": reason})
        self._told = state

    async def _watch_secrets(self) -> None:
        """A directory of secrets is small, and seldom changes: it is looked at."""
        while True:
            await asyncio.sleep(_SECRETS)
            before = self._passwords
            self._decide()
            if self._passwords != before and self._plan is not None:
                self._on_change()

    # -- from one plan to the next ---------------------------------------------------------------------------------
    def _hand_over(self, plan: NodePlan) -> NodePlan:
        """The plan with what outlives the ones before it; and somebody who looks how long that is needed."""
        before = self._handover.leaving
        plan = self._handover.lay(plan, self._reader.snapshot.all(Node), now())
        after = self._handover.leaving
        if names := ", ".join(name for address, name in after.items() if address not in before):
            reason = "no plan has them any more; they stay until their routes come from others"
            self._log("info", "sessions_leaving", {"sessions": names, "reason": reason})
        if names := ", ".join(name for address, name in before.items() if address not in after):
            self._log("info", "sessions_left", {"sessions": names})
        if self._handover.deadline < inf and (self._handing_over is None or self._handing_over.done()):
            self._handing_over = asyncio.get_running_loop().create_task(self._kept_up(self._watch_handover))
        return plan

    async def _watch_handover(self) -> None:
        """Until nothing outlives its plan any more."""
        while self._handover.deadline < inf:
            await asyncio.sleep(min(_LOOK, max(0.05, self._handover.deadline - now())))
            leaving = frozenset(self._handover.leaving)
            looking = self._needed(leaving)
            needed: frozenset[bytes] = frozenset()
            try:
                while True:
                    next(looking)
                    await asyncio.sleep(0)
            except StopIteration as end:
                needed = end.value
            if leaving - needed or now() >= self._handover.deadline:
                self._handover.done(leaving - needed)
                self._on_change()

    # -- what the machine says -----------------------------------------------------------------------------------
    def _addresses(self) -> tuple[Found | None, Found | None]:
        """Our addresses as a node. Raises ValueError."""
        local = local_addresses()
        spec = self._base.datastore
        four = detect(spec.address, 4, local, source_towards)
        six = detect(spec.address6, 16, local, lambda to: source_towards(to) if to else None)
        if four is None and six is None:
            raise ValueError("a node has an address: --node-address and --node-address6 are both none")
        return four, six

    def _host(self) -> Host:
        interfaces: dict[str, tuple[Net, ...]] = {}
        for each in local_addresses():
            family = IPV4 if len(each.address) == 4 else IPV6
            net = (family, pack_prefix(each.address, each.length))
            interfaces[each.interface] = (*interfaces.get(each.interface, ()), net)
        alive = [key.removeprefix(ALIVE) for key in self.follower.picture.entries if key.startswith(ALIVE)]
        leases = hasattr(self.store, "grant") and self.follower.state is State.FOLLOWING
        return Host(
            interfaces=interfaces,
            alive=frozenset(alive) if leases and alive else None,
            healthy=self._health.healthy,
        )

    # -- what is told --------------------------------------------------------------------------------------------
    def _judge(self) -> None:
        """Log what is wrong since now, and what is no more."""
        of_plan = self._plan.problems if self._plan is not None else ()
        problems = [*self._reader.snapshot.problems, *of_plan, *self._left_out]
        if self._deleted:
            text = "was deleted while this node runs: it goes on as it was; stop it, or restart it to register it again"
            problems.append(Problem("Node", self.node, "", text, "", Cause.MISSING))
        fresh = {str(problem): problem.cause.value for problem in problems}
        for text, cause in fresh.items():
            if text not in self._problems:
                self._log("warning", "resource_problem", {"cause": cause, "reason": text})
        for text in self._problems:
            if text not in fresh:
                self._log("info", "resource_problem_over", {"reason": text})
        self._problems = fresh

    @property
    def problems(self) -> list[str]:
        """What is wrong now, in words."""
        return list(self._problems)

    def metrics(self) -> ClusterMetrics:
        """Of the datastore, for /metrics."""
        return ClusterMetrics(
            following=self.follower.state is State.FOLLOWING,
            revision=self.follower.picture.revision,
            reads=self.follower.lists,
            resources=len(self._reader.snapshot.resources),
            problems=len(self._problems),
            leaving=len(self._handover.leaving),
        )

    async def status(self) -> dict[str, Any]:
        """What the node says about itself in the store."""
        plan = self._plan
        told = await self._report([pool.cidr for pool in self._reader.snapshot.all(IPPool).values()])
        if plan is not None:
            names = {format_address(peer.address): peer for peer in (self._laid or plan).neighbors}
            for session in told.get("sessions", []):
                peer = names.get(str(session["address"]))
                session["node"] = peer.remote_node if peer is not None else ""
                session["kind"] = peer.kind.value if peer is not None else "configured"
        return {"problems": self.problems, "asn": plan.asn if plan is not None else 0, **told}


def _wanted(resources: tuple[Resource, ...]) -> set[SecretRef]:
    """Every secret that a resource names."""
    found: set[SecretRef] = set()
    for each in resources:
        for field in fields(each):  # type: ignore[arg-type]
            value = getattr(each, field.name)
            if isinstance(value, SecretRef):
                found.add(value)
            elif field.name == "password_secret" and value is not None:
                found.add(SecretRef(value.name, "password"))
    return found


def _chosen(source: str) -> bool:
    """A person wrote it."""
    return bool(source) and not source.startswith(("found", "default"))


def _machine_id() -> str:
    """What tells this machine from others that have its name, where it has that."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text().strip()[:12]
    return ""
