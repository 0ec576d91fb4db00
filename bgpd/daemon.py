"""The composition root: from arguments to a running daemon, and out again.

`main` parses, `Daemon.run` wires the rooms together in the order in which they can refuse (ports, kernel,
sockets for people), gives the speaker its spec, and waits for a signal. What answers people is loaded when the
first OPENs are on their way. SIGHUP parses the same arguments
again and reconciles; a configuration with a mistake changes nothing. SIGTERM and SIGINT stop as `--on-stop`
says. Nothing else in the house knows that there is a process.
"""

import asyncio
import contextlib
import gc
import os
import random
import signal
import socket
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import bgpd
from bgpd.cluster.store.base import StoreError
from bgpd.config import ConfigError, Parsed, parse
from bgpd.control.listener import ControlRefused, bind
from bgpd.http.listener import HttpRefused, listen
from bgpd.kernel.wants import Want
from bgpd.log import Logger, setup
from bgpd.model import DaemonSpec, OnStop, SpeakerSpec
from bgpd.net import memory
from bgpd.net.discover import ThisHost
from bgpd.net.engine import Engine
from bgpd.net.io_clock import now, wall
from bgpd.net.io_loop import Stalls, new_loop
from bgpd.net.io_tcp import ListenRefused, Network
from bgpd.net.keys import refusals
from bgpd.net.marker import Marker
from bgpd.net.ports import who_listens
from bgpd.speaker.handover import needed
from bgpd.speaker.reconcile import immutable
from bgpd.speaker.speaker import Speaker
from bgpd.wire.family import Family
from bgpd.wire.prefix import format_address

if TYPE_CHECKING:
    from bgpd.answers import Answers
    from bgpd.kernel.service import KernelService
    from bgpd.membership import Membership

_FIXED = ("listen", "metrics", "control", "log_format", "datastore")  # settings that only a restart brings into force
EXIT_REFUSED = 1  #: the machine refused: a port, a capability, a socket
EXIT_USAGE = 2  #: the configuration refused
STOP_LIMIT = 5.0  #: seconds for NOTIFICATIONs and kernel routes to leave
ANSWER_TIME = 0.1  #: seconds for a client of the control socket to get its answer before we leave
SWITCH = 0.0005  #: seconds after which a thread lets the loop go on, or the loop the thread that writes routes
SWEEP_AFTER = 30.0  #: seconds after the start at which routes of an earlier run go in any case


class Refused(Exception):  # noqa: N818 - a refusal with a sentence, not a fault
    """The daemon cannot start; the text says why and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon (or `bgpd lab`). Exit code: 0, 1 (refused by the machine), 2 (by the configuration)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["lab"]:
        gc.enable()
        from bgpd.lab.main import main as lab  # noqa: PLC0415 - a daemon needs no lab

        return lab(arguments[1:])
    if arguments[:1] == ["render"]:
        from bgpd.cli.plan import main as render  # noqa: PLC0415 - a daemon prints nothing

        return render(arguments[1:])
    host = ThisHost()
    if arguments[:1] == ["policy"]:
        from bgpd.cli.offline import main as offline  # noqa: PLC0415 - a daemon does not need it

        return offline(arguments[1:], host)
    try:
        parsed = parse(arguments, os.environ, host)
    except ConfigError as error:
        for line in error.lines:
            print(f"bgpd: {line}", file=sys.stderr)
        return EXIT_USAGE
    if parsed.check:
        for line in parsed.warnings:
            print(f"bgpd: warning: {line}", file=sys.stderr)
        print(parsed.text(), end="")
        return 0
    spec = parsed.spec
    sys.setswitchinterval(SWITCH)
    log = setup(spec.log_format, spec.log_level)
    log.hold()
    daemon = Daemon(arguments, parsed, host, log)
    try:
        with asyncio.Runner(loop_factory=lambda: new_loop(daemon.stalls)) as runner:
            runner.run(daemon.run())
    except Refused as error:
        print(f"bgpd: {error}", file=sys.stderr)
        return EXIT_REFUSED
    finally:
        log.release()
    return 0


class Daemon:
    """One process: its shells, its speaker, its signals."""

    def __init__(self, arguments: list[str], parsed: Parsed, host: ThisHost, log: Logger) -> None:
        self._arguments = arguments
        self._parsed = parsed
        self._host = host  # one for all reloads: a router id that was found stays
        self._log = log
        self._stopping = asyncio.Event()
        self._on_stop: OnStop | None = None  # what `bgpctl restart` said, over what the configuration says
        self._speaking = False  # there is a speaker
        self._why = ""  # words for the log, of `bgpctl restart`
        self._marker = Marker(parsed.spec.control + ".unclean")
        self._reloading = asyncio.Event()
        self._converged = asyncio.Event()
        self.stalls = Stalls()
        self.engine = Engine(self._bug, self.stalls.alone)
        self.network = Network(self.engine.poke, log.emit, self.engine.arrived)
        self.kernel: KernelService | None = None
        self._answers: Answers
        self._membership: Membership | None = None
        self._spec = parsed.spec  # in force: what was parsed, and what the cluster adds to it

    @property
    def spec(self) -> DaemonSpec:
        return self._spec

    async def run(self) -> None:
        """Until a signal says stop. Raises Refused where a shell cannot start; what had started is stopped again."""
        for line in self._parsed.warnings:
            self._log.emit("warning", "config", {"reason": line})
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGINT"):
            loop.add_signal_handler(getattr(signal, name), self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reloading.set)
        async with contextlib.AsyncExitStack() as stack:
            if self.spec.datastore.scheme and not await self._join(stack):
                return  # told to stop before there was anything to begin with
            await self._start(self.spec, stack)
            if self._membership is not None:
                self._follow()  # what came while we started
            await self._serve()
            await self._leave()

    async def _join(self, stack: contextlib.AsyncExitStack) -> bool:
        """Become a node of the cluster: from here on the spec is the cluster's over ours. False: a signal came first.

        Raises Refused where a file or a library is missing. A datastore that does not answer is waited for.
        """
        from bgpd.membership import Membership  # noqa: PLC0415 - only where there is a cluster

        self._log.release()
        try:
            membership = Membership(
                self.spec,
                self._log.emit,
                on_change=self._follow,
                report=self._report,
                needed=lambda leaving: needed(self.speaker, leaving),
            )
        except (StoreError, ValueError) as error:
            raise Refused(str(error)) from error
        stack.push_async_callback(self._part, membership)
        opening = asyncio.create_task(membership.open())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            opening.cancel()
            return False
        stopping.cancel()
        opening.result()
        self._spec = membership.lay()
        self._membership = membership
        self.network.on_stranger = membership.nudge
        return True

    async def _part(self, membership: "Membership") -> None:
        await membership.close(leave=self.on_stop is OnStop.SHUTDOWN)

    def _follow(self) -> None:
        """The datastore has moved on."""
        if self._membership is None or not self._speaking:
            return
        changes = self._take(self._membership.lay())
        self._log.set_level(self._spec.log_level)
        if changes:
            self._log.emit(
                "info", "reloaded", {"changes": changes, "revision": self._membership.follower.picture.revision}
            )

    def _emit(self, level: str, event: str, fields: dict[str, object]) -> None:
        """The speaker's log, of which the cluster hears when a session moves."""
        self._log.emit(level, event, fields)
        if event == "session" and self._membership is not None:
            self._membership.poke()

    async def _report(self, pools: Collection[tuple[Family, bytes]]) -> dict[str, object]:
        """What this node tells the cluster of itself."""
        return await self._answers.report(pools) if self._speaking and hasattr(self, "_answers") else {}

    async def _start(self, spec: DaemonSpec, stack: contextlib.AsyncExitStack) -> None:
        """Everything that may refuse first, then the speaker."""
        if found := refusals(spec.speaker):
            raise Refused("; ".join(found))
        try:
            self.network.listen(spec.listen, spec.speaker.neighbors, spec.speaker.ranges)
        except ListenRefused as error:
            raise Refused(str(error)) from error
        stack.push_async_callback(self.network.stop)
        if spec.speaker.kernel.enabled:
            await self._start_kernel(spec, stack)
            self._reach(None, spec.speaker)
        control, pages = _listen(spec, stack)
        left_over = self._marker.set()
        # Our forwarding state is our routes in the kernel; without a kernel it is somebody else's, and goes on.
        restarted = self.kernel.adopted() > 0 if self.kernel is not None else left_over
        self.speaker = Speaker(
            spec.speaker,
            dialer=self.network,
            fib=self.kernel,
            log=self._log.emit if self._membership is None else self._emit,
            jitter=_jitter,
            wall=wall() - now(),
            on_converged=self._converged.set,
            restarted=restarted,
        )
        self._speaking = True
        self.network.start(self.speaker)
        self._log.emit(
            "info",
            "started",
            {
                "version": bgpd.__version__,
                "asn": spec.speaker.asn,
                "router_id": format_address(spec.speaker.router_id),
                "listen": ", ".join(self.network.listening()),
                "neighbors": len(spec.speaker.neighbors),
                "kernel": f"table {spec.speaker.kernel.table}" if self.kernel else "off",
            },
        )
        self.speaker.start(now())
        self._redistribute(spec.speaker)
        self.engine.start(self.speaker)
        stack.callback(self.engine.stop)
        await self._load(spec)
        await self._start_pages(spec, stack, control, pages)
        memory.tame()

    async def _load(self, spec: DaemonSpec) -> None:
        """Load what logs and answers, in a thread: the first OPENs do not wait for it."""
        await asyncio.to_thread(_load, self._log, spec)
        self._log.release()

    async def _start_kernel(self, spec: DaemonSpec, stack: contextlib.AsyncExitStack) -> None:
        from bgpd.kernel.service import KernelRefused, KernelService  # noqa: PLC0415 - only where it is used

        kernel, router_id = spec.speaker.kernel, spec.speaker.router_id
        self.kernel = KernelService(
            kernel, self._next_hop, self._kernel_event, router_id=router_id, on_judged=self._fib_judged
        )
        try:
            await self.kernel.start()
        except KernelRefused as error:
            raise Refused(str(error)) from error
        stack.push_async_callback(self._stop_kernel)

    async def _start_pages(
        self,
        spec: DaemonSpec,
        stack: contextlib.AsyncExitStack,
        control: socket.socket,
        pages: socket.socket | None,
    ) -> None:
        from bgpd.answers import Answers  # noqa: PLC0415 - see `_load`
        from bgpd.control.service import ControlService  # noqa: PLC0415

        answers = self._answers = Answers(
            hostname=spec.hostname,
            listening=self.network.listening,
            engine=self.engine,
            stalls=self.stalls,
            restart=self.restart,
        )
        answers.start(self.speaker, self.kernel)
        if self._membership is not None:
            answers.cluster = self._membership.metrics
        service = ControlService(spec.control, queries=answers, on_event=self._shell_event)
        await service.start(control)
        stack.push_async_callback(service.stop)
        if spec.metrics is not None:
            from bgpd.http.service import HttpService  # noqa: PLC0415 - only where it is used

            http = HttpService(spec.metrics, pages=answers, on_event=self._shell_event)
            await http.start(pages)
            stack.push_async_callback(http.stop)

    async def _serve(self) -> None:
        """Signals, and the sweep of what an earlier run left in the kernel."""
        async with asyncio.TaskGroup() as group:
            sweeper = group.create_task(self._sweep())
            reloader = group.create_task(self._reload_on_signal())
            await self._stopping.wait()
            sweeper.cancel()
            reloader.cancel()

    async def _sweep(self) -> None:
        if self.kernel is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SWEEP_AFTER):
                await self._converged.wait()
        await self.kernel.sweep()

    async def _reload_on_signal(self) -> None:
        while True:
            await self._reloading.wait()
            self._reloading.clear()
            await self.reload()

    async def reload(self) -> None:
        """Parse the same arguments again and take the smallest steps; a mistake keeps the configuration in force.

        The file of a thousand neighbors is a second's reading, so a thread reads it.
        """
        try:
            parsed = await asyncio.to_thread(parse, self._arguments, os.environ, self._host)
        except ConfigError as error:
            self._answers.reload_failures += 1
            for line in error.lines:
                self._log.emit("error", "reload_refused", {"reason": line})
            return
        new = parsed.spec if self._membership is None else self._membership.rebase(parsed.spec)
        changes = self._take(new)
        if changes is None:
            self._answers.reload_failures += 1
            return
        for line in parsed.warnings:
            self._log.emit("warning", "config", {"reason": line})
        self._parsed = parsed
        self._answers.reloads += 1
        self._log.set_level(new.log_level)
        self._log.emit("info", "reloaded", {"changes": changes})

    def _take(self, new: DaemonSpec) -> int | None:
        """Take the smallest steps to another spec; how many. None where this machine cannot; nothing has changed."""
        old = self._spec
        if found := refusals(new.speaker):
            for line in found:
                self._log.emit("error", "reload_refused", {"reason": line})
            return None
        fixed = immutable(old.speaker, new.speaker)
        fixed += [name for name in _FIXED if getattr(old, name) != getattr(new, name)]
        if fixed:
            self._log.emit(
                "warning", "reload_needs_restart", {"reason": f"{', '.join(fixed)}: takes effect after a restart"}
            )
        self._spec = new
        if self.kernel is not None and old.speaker.kernel.pools != new.speaker.kernel.pools:
            self.kernel.configure(new.speaker.kernel.pools)
        self._reach(old.speaker, new.speaker)
        steps = self.speaker.reconfigure(new.speaker, now())
        if old.speaker.redistribute != new.speaker.redistribute:
            self._redistribute(new.speaker)
        entries = set(old.speaker.redistribute) ^ set(new.speaker.redistribute)
        self.engine.poke()
        return len(steps) + len({entry.name for entry in entries})

    def _reach(self, old: SpeakerSpec | None, new: SpeakerSpec) -> None:
        """Write how those neighbors are reached that have a way of their own."""
        if self.kernel is None:
            return
        before = old.static if old is not None else ()
        for each in before:
            if each not in new.static:
                self.kernel.submit(each.family, {each.prefix: None})
        for each in new.static:
            if each not in before:
                self.kernel.submit(each.family, {each.prefix: (each.via,)})

    def _redistribute(self, spec: SpeakerSpec) -> None:
        """Have the kernel's room tell what the speaker announces of others' routes."""
        if self.kernel is not None:
            self.kernel.redistribute(spec.redistribute, self._routes)

    def _routes(self, name: str, family: Family, withdrawn: list[bytes], announced: list[bytes]) -> None:
        self.speaker.redistributed.take(name, family, withdrawn, announced, now())
        self._log.emit(
            "debug", "redistributed", {"from": name, "announced": len(announced), "withdrawn": len(withdrawn)}
        )
        self.engine.poke()

    @property
    def on_stop(self) -> OnStop:
        return self._on_stop or self.spec.on_stop

    def restart(self, text: str) -> None:
        """Leave as for a restart, once the client has its answer."""
        self._on_stop = OnStop.RESTART
        self._why = text
        asyncio.get_running_loop().call_later(ANSWER_TIME, self._stopping.set)

    async def _leave(self) -> None:
        """Close the sessions as `--on-stop` says, and give the last octets their time."""
        fields: dict[str, object] = {"on_stop": self.on_stop.value}
        self._log.emit("info", "stopping", fields | ({"reason": self._why} if self._why else {}))
        if self.on_stop is OnStop.SHUTDOWN:
            self._marker.remove()
            self.speaker.shutdown(now())
        else:
            self.speaker.abandon(now())
        await self.network.drained(STOP_LIMIT)

    async def _stop_kernel(self) -> None:
        assert self.kernel is not None
        try:
            async with asyncio.timeout(STOP_LIMIT):
                await self.kernel.stop(flush=self.on_stop is OnStop.SHUTDOWN)
        except TimeoutError:
            self._log.emit("error", "kernel_flush", {"reason": f"our routes did not leave within {STOP_LIMIT:g} s"})

    def _next_hop(self, address: bytes, reachable: bool, cost: int, reason: str) -> None:
        self.speaker.next_hop_moved(address, reachable, cost, reason)
        self.engine.poke()

    def _fib_judged(self, family: Family, want: Want, prefixes: list[bytes], installed: bool) -> None:
        if self._speaking:  # ways to neighbors are written before there is anybody to tell
            self.speaker.fib_judged(family, want, prefixes, installed)
            self.engine.poke()

    def _kernel_event(self, event: str, fields: dict[str, object]) -> None:
        self._log.emit("warning" if "reason" in fields else "info", event, fields)
        if self._speaking:  # routes of an earlier run are found before there is anybody to tell
            self.speaker.publish("kernel", now(), reason=f"{event}: {fields.get('reason', '')}".rstrip(": "))

    def _bug(self, trace: str) -> None:
        self._log.emit("error", "bug", {"reason": "a turn failed; please report this", "traceback": trace})

    def _shell_event(self, event: str, fields: dict[str, object]) -> None:
        self._log.emit("warning", event, fields)


def _jitter() -> float:
    """RFC 4271 section 10."""
    return random.uniform(0.75, 1.0)  # noqa: S311 - timers, not secrets


def _listen(spec: DaemonSpec, stack: contextlib.AsyncExitStack) -> tuple[socket.socket, socket.socket | None]:
    """The sockets for people: the control socket, and that of the pages where they are served. Raises Refused."""
    try:
        control = bind(Path(spec.control))
        stack.callback(control.close)
        if spec.metrics is None:
            return control, None
        pages = listen(spec.metrics, who_listens)
        stack.callback(pages.close)
    except (ControlRefused, HttpRefused) as error:
        raise Refused(str(error)) from error
    return control, pages


def _load(log: Logger, spec: DaemonSpec) -> None:
    """In a thread, once. Everything that is first used by a log line, a question or a scrape."""
    log.load()
    import bgpd.answers  # noqa: PLC0415
    import bgpd.control.service  # noqa: PLC0415

    if spec.metrics is not None:
        import bgpd.http.service  # noqa: F401, PLC0415
