"""The daemons that are compared: how each is configured for the same work, and its command lines.

Everybody accepts everything and announces everything to everybody. The keeper, a session with nothing to exchange,
has a family that no other session uses, or is sent nothing. Other people's daemons are Debian's packages, unpacked
(bgpd.lab.debian); ours runs from a directory that `import bgpd` finds: this one, or the one that `make build` made.
"""

import compileall
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from bench import usage
from bench.space import Space
from bgpd.lab.debian import DebianError, Tree, unpack, with_home
from bgpd.lab.processes import end
from bgpd.lab.shell import Failed, clean_env

ROOT: Final = Path(__file__).resolve().parents[1]
COMPILED: Final = ROOT / "build" / "compiled"  #: made by `make build`
ASN: Final = 65000
METRICS: Final = ("127.0.0.1", 9179)  #: where ours serves its metrics


@dataclass(frozen=True, slots=True)
class Peer:
    address: str
    asn: int
    hold: int = 30
    keeper: bool = False
    client: bool = False  #: ours to reflect to (RFC 4456)
    graceful: bool = True  #: keeps our routes while we restart, as far as the daemon does it unasked


@dataclass(frozen=True, slots=True)
class Setup:
    """What one daemon is to do."""

    address: str
    peers: Sequence[Peer]
    family: int = 4  #: of the routes
    kernel: bool = False
    networks: Sequence[str] = ()  #: what it announces itself
    asn: int = ASN
    passive: bool = True


@dataclass(frozen=True, slots=True)
class Command:
    argv: list[str]
    env: dict[str, str]
    ready: Path | None = None  #: appears when the next command may start


Prepare = Callable[[Setup, Path], list[Command]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One daemon under test."""

    name: str
    title: str
    version: Callable[[], str]
    prepare: Prepare  #: writes the configuration into a directory; the commands
    kernel: bool = False  #: can install routes
    forwards: bool = True
    ipv6: bool = True  #: routes of IPv6 over a session of IPv4
    ours: bool = False


class Running:
    """A daemon's processes."""

    def __init__(self, kind: Kind, setup: Setup, space: Space, directory: Path) -> None:
        self.kind = kind
        self.log = directory / "log"
        self._processes: list[subprocess.Popen[bytes]] = []
        directory.chmod(0o755)
        for command in kind.prepare(setup, directory):
            self._processes.append(space.start(command.argv, command.env, self.log))
            self._wait_for(command.ready)

    def _wait_for(self, ready: Path | None) -> None:
        for _ in range(200 if ready is not None else 0):
            assert ready is not None
            if ready.exists():
                return
            with suppress(subprocess.TimeoutExpired):
                self._processes[-1].wait(0.05)
                break
        if ready is not None:
            self.stop()
            raise Failed(f"{self.kind.name} did not start: {self.tail()}")

    @property
    def pid(self) -> int:
        return self._processes[0].pid

    def pids(self) -> list[int]:
        """Of all its processes."""
        return usage.family([process.pid for process in self._processes])

    def alive(self) -> bool:
        return all(process.poll() is None for process in self._processes)

    def tail(self) -> str:
        with suppress(OSError):
            return " | ".join(self.log.read_text(errors="replace").splitlines()[-4:])
        return ""

    def kill(self) -> None:
        """End all of them at once, and without a word to anybody."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()

    def stop(self, patience: float = 4.0) -> None:
        """End all of them: those that we started by their own signal, what they leave behind as well."""
        pids = self.pids()
        end([process.pid for process in self._processes], patience=patience)
        for process in self._processes:
            process.wait()
        end([pid for pid in pids if Path(f"/proc/{pid}").exists()], patience=1)


# -- ours


def _ours(root: Path) -> Prepare:
    def prepare(setup: Setup, directory: Path) -> list[Command]:
        (directory / "bgpd.yaml").write_text(ours_yaml(setup, directory))
        env = clean_env() | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
        argv = [sys.executable, "-P", "-m", "bgpd", "--config", str(directory / "bgpd.yaml")]
        return [Command(argv, env)]

    return prepare


def ours_yaml(setup: Setup, directory: Path) -> str:
    lines = [
        f"asn: {setup.asn}",
        f"router-id: {setup.address}",
        f"listen: {setup.address}:179",
        f"no-kernel: {str(not setup.kernel).lower()}",
        f"metrics: {METRICS[0]}:{METRICS[1]}",
        f"control: {directory}/ctl",
        "log-level: warning",
        *(["announce:", *(f"  - {network}" for network in setup.networks)] if setup.networks else []),
        "peer:",
    ]
    for peer in setup.peers:
        policy = "none" if peer.keeper else "all"
        words = [f"address: {peer.address}", f"asn: {peer.asn}", f"hold-time: {peer.hold}"]
        words += [f"passive: {str(setup.passive).lower()}"]
        words += ["rr-client: true"] if peer.client else []
        words += [] if peer.graceful else ["graceful-restart: 'off'"]
        if peer.asn != setup.asn:
            words += [f"import: {policy}", f"export: {policy}"]
        lines.append("  - {" + ", ".join(words) + "}")
    return "\n".join(lines) + "\n"


def _ours_version(root: Path) -> Callable[[], str]:
    def version() -> str:
        compileall.compile_dir(root / "bgpd", quiet=2)  # to byte code, as any installation does
        env = clean_env() | {"PYTHONPATH": str(root)}
        argv = [sys.executable, "-P", "-m", "bgpd", "--version"]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30, check=False, cwd="/")
        return done.stdout.strip() or f"does not start: {done.stderr.strip()[-200:]}"

    return version


# -- other people's


@cache
def _tree(package: str) -> Tree:
    return unpack([package])


def _debian(package: str) -> Callable[[], str]:
    return lambda: _tree(package).versions[package]


def _bird(setup: Setup, directory: Path) -> list[Command]:
    lines = ["log stderr { warning, error, fatal };", f"router id {setup.address};", "protocol device { }"]
    if setup.kernel:
        lines.append("protocol kernel { ipv4 { import none; export where source != RTS_DEVICE; }; }")
    lines += [f"protocol static {{ ipv4; route {network} blackhole; }}" for network in setup.networks]
    channel = "import all; export where source ~ [RTS_STATIC, RTS_BGP];"
    hop = " next hop self;" if setup.networks and not any(peer.client for peer in setup.peers) else ""
    for number, peer in enumerate(setup.peers):
        used = ["ipv6" if setup.family == 4 else "ipv4"] if peer.keeper else ["ipv4", "ipv6"]
        used = ["ipv4"] if setup.networks else used
        words = [f"local {setup.address} as {setup.asn}", f"neighbor {peer.address} as {peer.asn}"]
        words += [f"hold time {peer.hold}", "connect delay time 1", "connect retry time 2", "error wait time 1, 5"]
        words += ["passive"] if setup.passive else []
        words += ["rr client"] if peer.client else []
        words += [] if peer.graceful else ["graceful restart off"]
        words += [f"{family} {{ {channel}{hop} }}" for family in used]
        lines.append(f"protocol bgp p{number} {{ {'; '.join(words)}; }}")
    (directory / "conf").write_text("\n".join(lines) + "\n")
    tree = _tree("bird2")
    argv = tree.command("bird", "-f", "-c", str(directory / "conf"), "-s", str(directory / "ctl"))
    return [Command(argv, tree.env())]


def _frr(setup: Setup, directory: Path) -> list[Command]:
    lines = [f"router bgp {setup.asn}", f" bgp router-id {setup.address}", " no bgp ebgp-requires-policy"]
    lines += [" no bgp network import-check", " timers bgp 10 30"]
    for peer in setup.peers:
        lines += [f" neighbor {peer.address} remote-as {peer.asn}", f" neighbor {peer.address} timers connect 2"]
        lines += [f" neighbor {peer.address} timers {max(1, peer.hold // 3)} {peer.hold}"]
        lines += [f" neighbor {peer.address} passive"] if setup.passive else []
    lines.append(" address-family ipv4 unicast")
    lines += [f"  network {network}" for network in setup.networks]
    lines += [f"  neighbor {peer.address} prefix-list nothing out" for peer in setup.peers if peer.keeper]
    lines.append(" exit-address-family")
    if setup.family == 6:
        lines.append(" address-family ipv6 unicast")
        lines += [f"  neighbor {peer.address} activate" for peer in setup.peers if not peer.keeper]
        lines.append(" exit-address-family")
    (directory / "bgpd.conf").write_text("\n".join([*lines, "ip prefix-list nothing deny any"]) + "\n")
    (directory / "zebra.conf").write_text("log timestamp precision 3\n")
    tree = _tree("frr")
    common = ["-z", f"{directory}/zserv", "--vty_socket", str(directory), "-u", "root", "-g", "root", "-P", "0"]
    found = []
    if setup.kernel or setup.family == 6:  # without zebra it knows no address of its own
        zebra = tree.command("zebra", "-f", f"{directory}/zebra.conf", "-i", f"{directory}/zebra.pid", *common)
        found.append(Command([*zebra, "-s", "8388608"], tree.env(), directory / "zebra.vty"))
    alone = [] if setup.kernel else ["-n"] if found else ["-Z"]
    argv = tree.command("bgpd", "-f", f"{directory}/bgpd.conf", "-i", f"{directory}/bgpd.pid", *common, *alone)
    return [*found, Command([*argv, "-l", setup.address], tree.env())]


def _gobgp(setup: Setup, directory: Path) -> list[Command]:
    def neighbor(peer: Peer) -> dict[str, object]:
        used = ["ipv6" if setup.family == 4 else "ipv4"] if peer.keeper else ["ipv4", "ipv6"]
        return {
            "config": {"neighbor-address": peer.address, "peer-as": peer.asn},
            "transport": {"config": {"passive-mode": setup.passive}},
            "timers": {"config": {"hold-time": peer.hold, "keepalive-interval": max(1, peer.hold // 3)}},
            "afi-safis": [{"config": {"afi-safi-name": f"{family}-unicast"}} for family in used],
        }

    config = {"as": setup.asn, "router-id": setup.address, "local-address-list": [setup.address]}
    document = {"global": {"config": config}, "neighbors": [neighbor(peer) for peer in setup.peers]}
    (directory / "conf.json").write_text(json.dumps(document))
    tree = _tree("gobgpd")
    argv = tree.command("gobgpd", "-t", "json", "-f", str(directory / "conf.json"), "-p", "-l", "warn")
    return [Command([*argv, "--api-hosts=127.0.0.1:50051", "--pprof-disable"], tree.env())]


def _openbgpd(setup: Setup, directory: Path) -> list[Command]:
    lines = [f"AS {setup.asn}", f"router-id {setup.address}", "fib-update no", f'socket "{directory}/ctl"']
    lines += [f"listen on {setup.address}"]
    for peer in setup.peers:
        four = "none" if peer.keeper and setup.family == 4 else "unicast"
        six = "none" if peer.keeper and setup.family == 6 else "unicast"
        lines += [f"neighbor {peer.address} {{", f" remote-as {peer.asn}", f" holdtime {peer.hold}"]
        lines += [f" announce IPv4 {four}", f" announce IPv6 {six}", *([" passive"] if setup.passive else []), "}"]
    (directory / "conf").write_text("\n".join([*lines, "allow to any", "allow from any"]) + "\n")
    (directory / "conf").chmod(0o600)
    tree = with_home(_tree("openbgpd"), "_openbgpd", directory)
    return [Command(tree.command("bgpd", "-d", "-f", str(directory / "conf")), tree.env())]


def _exabgp(setup: Setup, directory: Path) -> list[Command]:
    """It has no table: what it receives goes to a helper as JSON."""
    (directory / "helper.sh").write_text("exec cat 3>&1 > /dev/null\n")  # a closed output would be its end
    lines = ["process sink {", f"  run /bin/sh {directory}/helper.sh;", "  encoder json;", "}"]
    for peer in setup.peers:
        lines += [f"neighbor {peer.address} {{", f"  router-id {setup.address}; local-address {setup.address};"]
        lines += [f"  local-as {setup.asn}; peer-as {peer.asn}; hold-time {peer.hold}; passive true;"]
        lines += ["  family { ipv4 unicast; }", "  api { processes [ sink ]; receive { parsed; update; } }", "}"]
    (directory / "conf").write_text("\n".join(lines) + "\n")
    tree = _tree("exabgp")
    env = tree.env() | {
        "exabgp_tcp_bind": setup.address,
        "exabgp_tcp_port": "179",
        "exabgp_daemon_user": "root",
        "exabgp_api_cli": "false",
        "exabgp_api_ack": "false",
        "exabgp_log_level": "ERR",
    }
    return [Command([sys.executable, tree.path("python3-exabgp"), str(directory / "conf")], env)]


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("compiled", "bgpd", _ours_version(COMPILED), _ours(COMPILED), kernel=True, ours=True),
        Kind("interpreted", "bgpd, interpreted", _ours_version(ROOT), _ours(ROOT), kernel=True, ours=True),
        Kind("bird2", "BIRD 2", _debian("bird2"), _bird, kernel=True),
        Kind("frr", "FRR", _debian("frr"), _frr, kernel=True),
        Kind("openbgpd", "OpenBGPD", _debian("openbgpd"), _openbgpd),
        Kind("gobgp", "GoBGP", _debian("gobgpd"), _gobgp),
        Kind("exabgp", "ExaBGP", _debian("exabgp"), _exabgp, forwards=False),
    )
}


@dataclass(frozen=True, slots=True)
class Available:
    """What can be measured on this machine, and why the rest cannot."""

    kinds: list[Kind]
    versions: dict[str, str]
    missing: dict[str, str] = field(default_factory=dict)


def available(names: Sequence[str] = ()) -> Available:
    """Those named, or all. A daemon that cannot be had is left out and named."""
    found, versions, missing = [], {}, {}
    for name in names or KINDS:
        if name not in KINDS:
            raise Failed(f"no daemon named {name}; there are {', '.join(KINDS)}")
        if name == "compiled" and not (COMPILED / ".key").exists():  # what tools/build writes at its end
            missing[name] = "not built, or not to the end: make build"
            continue
        try:
            versions[name] = KINDS[name].version()
        except (DebianError, OSError, subprocess.SubprocessError) as error:
            missing[name] = str(error).splitlines()[0]
            continue
        found.append(KINDS[name])
    return Available(found, versions, missing)
