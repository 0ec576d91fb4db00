"""The lab in network namespaces: root, no container engine, any number of nodes.

    bgpd-LAB.fabric   the bridge between everybody, in a namespace of its own: where a container engine runs, the
                      host's own namespace drops bridged packets
    bgpd-LAB.nodeN    the daemon from this very Python, a bridge `pods` with the node's address inside its block
    bgpd-LAB.podN     an address and a default route
    bgpd-LAB.dc1 ...  BIRD, FRR and Prometheus from Debian's packages, unpacked into a cache

Everything that must go again is written down before it is made: namespaces carry the lab's name, processes leave
their id and start time in the lab's directory under /run, so `down` also works after a crash, and from another shell.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import bgpd
from bgpd.lab import debian, render
from bgpd.lab.limits import raise_neighbour_limits, restore_neighbour_limits
from bgpd.lab.processes import end, read_pid, start_time
from bgpd.lab.shell import Failed, attempt, clean_env, run
from bgpd.lab.topology import FABRIC, PROMETHEUS_PORT, Node, Router, RouterKind, Topology, build
from bgpd.model import Overlay

RUN = Path("/run/bgpd-lab")
BRIDGE_PORTS = 1000  #: what one Linux bridge takes

#: system tools that hosts of the lab call, and the Debian package that has each
TOOLS = {"ping": "iputils-ping", "tcpdump": "tcpdump"}


class NetnsDriver:
    """One lab in namespaces, by name."""

    kind = "netns"
    stop_words = "SIGTERM"

    def __init__(
        self, topology: Topology | None = None, name: str = "lab", *, start: bool = True, scraped: bool = True
    ) -> None:
        """A lab that may exist already: then its own topology counts where none is given.

        `start` False makes `up` leave the nodes' daemons for `start_node` (everything else runs); `scraped` False
        leaves Prometheus out.
        """
        if not re.fullmatch(r"[a-z0-9-]{1,24}", name):
            raise Failed(f"a lab's name is made of a-z, 0-9 and -, not {name!r}")
        self.name = name
        self._dir = RUN / name
        self._start = start
        self._scraped = scraped
        state = self._state()
        overlay = Overlay(state.get("overlay", Overlay.NEVER.value))
        self.topology = topology or build(int(str(state.get("nodes", 3))), overlay=overlay)
        self._found: list[str] | None = None

    # -- the lab as a whole

    def exists(self) -> bool:
        return self._dir.exists() or bool(self._namespaces())

    def up(self) -> None:
        require_root("the lab in namespaces")
        for tool in ("ip", "unshare", "mount"):
            if shutil.which(tool) is None:
                raise Failed(f"the lab needs the command {tool} (Debian packages iproute2, util-linux, mount)")
        kinds = [*(router.kind.value for router in self.topology.routers), *(["prometheus"] if self._scraped else [])]
        trees = {kind: debian.unpack([PACKAGES[kind]]) for kind in kinds}
        if self.exists():
            self.down()
        self._dir.mkdir(parents=True)
        state: dict[str, object] = {"nodes": len(self.topology.nodes), "overlay": self.topology.overlay.value}
        self._write_state(state)
        hosts = len(self.topology.hosts())
        if hosts > BRIDGE_PORTS:
            raise Failed(f"{hosts} hosts do not fit on one bridge")
        self._write_state(state | {"neighbour_limits": raise_neighbour_limits(len(self.topology.nodes))})
        self._make_links()
        for router in self.topology.routers:
            self._start_router(router, trees[router.kind.value])
        if self._scraped:
            self._start_prometheus(trees["prometheus"])
        for node in self.topology.nodes:
            self._directory(node.name)
            (self._dir / node.name / "bgpd.yaml").write_text(render.node_yaml(self.topology, node))
        if self._start:
            for node in self.topology.nodes:
                self.start_node(node.name)

    def down(self) -> None:
        if not self.exists():
            return
        require_root("taking the lab down")
        ours = [pid for file in self._dir.glob("*/*.pid") if (pid := read_pid(file)) is not None]
        for namespace in self._namespaces():  # also what a crash left without a file; only the lab lives in there
            ours += [int(pid) for pid in run(["ip", "netns", "pids", namespace]).split()]
        end(ours)
        for namespace in self._namespaces():
            run(["ip", "netns", "delete", namespace])
        limits = self._state().get("neighbour_limits")
        if isinstance(limits, dict):
            restore_neighbour_limits(limits)
        shutil.rmtree(self._dir, ignore_errors=True)
        if RUN.exists() and not any(RUN.iterdir()):
            RUN.rmdir()

    # -- what the checks need

    def argv(self, host: str, command: list[str]) -> list[str]:
        return _in(self.namespace(host), *self._tools(), *command)

    def sidecar(self, host: str, command: list[str]) -> list[str]:
        return self.argv(host, command)

    def bgpctl(self, node: str) -> list[str]:
        script = "import sys; from bgpd.cli.main import main; sys.exit(main())"
        return ["env", f"PYTHONPATH={_home()}", sys.executable, "-c", script, "--control", str(self._socket(node))]

    def python(self, node: str) -> list[str]:  # noqa: ARG002 - the other driver's nodes have their own
        return ["env", f"PYTHONPATH={_home()}", sys.executable]

    def process_status(self, node: str) -> str | None:  # noqa: ARG002 - here the daemon is root like the lab
        return None

    def health(self, node: str) -> str | None:  # noqa: ARG002 - nobody looks but our own checks
        return None

    def stop_node(self, node: str) -> None:
        file = self._dir / node / "bgpd.pid"
        pid = read_pid(file)
        if pid is None:
            raise Failed(f"{node} does not run: {self.log(node)}")
        end([pid], patience=10)
        file.unlink(missing_ok=True)

    def start_node(self, node: str) -> None:
        command = [sys.executable, "-m", "bgpd", "--config", str(self._dir / node / "bgpd.yaml")]
        self._spawn(node, "bgpd", [*command, "--control", str(self._socket(node))], _daemon_env())

    def example(self, node: str) -> str:
        script = Path(sys.executable).with_name("bgpctl")
        words = str(script) if script.exists() else f"{sys.executable} -m bgpd.cli.main"
        return f"{words} --control {self._socket(node)} show neighbors"

    def log(self, host: str) -> str:
        texts = [file.read_text(errors="replace") for file in sorted((self._dir / host).glob("*.log"))]
        return "\n".join("\n".join(text.splitlines()[-15:]) for text in texts)

    def pid(self, node: str) -> int | None:
        """The process id of a node's daemon, None where it does not run."""
        return read_pid(self._dir / node / "bgpd.pid")

    def namespace(self, host: str) -> str:
        """The name of a host's namespace, as `ip netns` knows it."""
        return f"bgpd-{self.name}.{host}"

    # -- making it

    def _make_links(self) -> None:
        fabric = self.namespace("fabric")
        namespaces = [fabric, *(self.namespace(host) for host in self.topology.hosts())]
        _batch([f"netns add {namespace}" for namespace in namespaces])
        # IPv6 on a bridge that only forwards frames is nothing but noise
        run(_in(fabric, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6 || true"))
        lines = ["link add fabric type bridge", "link set fabric up"]
        attached = [node.name for node in self.topology.nodes]
        attached += [*(router.name for router in self.topology.routers), "prometheus"]
        for host in attached:
            lines += [
                f"link add {host} type veth peer name eth0 netns {self.namespace(host)}",
                f"link set {host} master fabric up",
            ]
        _batch(lines, fabric)
        for node in self.topology.nodes:
            self._make_node(node)
        for router in self.topology.routers:
            services = [f"address add {address}/32 dev lo" for address in router.services]
            _batch([*self._uplink(str(router.address)), *services], self.namespace(router.name))
            run(_in(self.namespace(router.name), "sh", "-c", FORWARD))
        _batch(self._uplink(str(self.topology.prometheus)), self.namespace("prometheus"))

    def _uplink(self, address: str) -> list[str]:
        return ["link set lo up", f"address add {address}/{FABRIC.prefixlen} dev eth0", "link set eth0 up"]

    def _make_node(self, node: Node) -> None:
        length = node.block.prefixlen
        lines = [
            *self._uplink(str(node.address)),
            "link add pods type bridge",
            f"address add {node.gateway}/{length} dev pods",
            "link set pods up",
            f"link add {node.pod} type veth peer name eth0 netns {self.namespace(node.pod)}",
            f"link set {node.pod} master pods up",
        ]
        _batch(lines, self.namespace(node.name))
        run(_in(self.namespace(node.name), "sh", "-c", FORWARD))
        pod = ["link set lo up", f"address add {node.pod_address}/{length} dev eth0", "link set eth0 up"]
        _batch([*pod, f"route add default via {node.gateway}"], self.namespace(node.pod))

    # -- its programs

    def _start_router(self, router: Router, tree: debian.Tree) -> None:
        directory = self._directory(router.name)
        for name, text in render.router_files(self.topology, router).items():
            (directory / name).write_text(text)
        if router.kind is RouterKind.BIRD:
            command = tree.command("bird", "-f", "-c", f"{directory}/bird.conf", "-s", f"{directory}/bird.ctl")
            self._spawn(router.name, "bird", command, tree.env())
            return
        for daemon in ("zebra", "bgpd"):
            command = tree.command(
                daemon,
                *("-u", "root", "-g", "root", "-f", f"{directory}/{daemon}.conf"),
                *("-i", f"{directory}/{daemon}.frr", "-z", f"{directory}/zserv.api", "--vty_socket", str(directory)),
            )
            self._spawn(router.name, daemon, command, tree.env())

    def _start_prometheus(self, tree: debian.Tree) -> None:
        directory = self._directory("prometheus")
        (directory / "prometheus.yml").write_text(render.prometheus_yml(self.topology))
        command = [
            tree.path("prometheus"),
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            "--storage.tsdb.retention.time=1h",
            f"--web.listen-address={self.topology.prometheus}:{PROMETHEUS_PORT}",
        ]
        self._spawn("prometheus", "prometheus", command, tree.env())

    def _spawn(self, host: str, program: str, command: Sequence[str], env: dict[str, str]) -> None:
        """Start a program on a host, on its own from now on; leaves PROGRAM.pid and PROGRAM.log in its directory."""
        directory = self._dir / host
        with (directory / f"{program}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the lab's own argv
                _in(self.namespace(host), *command),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
                start_new_session=True,
            )
        process.returncode = 0  # it outlives us on purpose: `end` waits for it, by the pid file
        (directory / f"{program}.pid").write_text(f"{process.pid} {start_time(process.pid)}\n")

    def _tools(self) -> list[str]:
        """The words before a command that let it find TOOLS: none where the machine has them all."""
        if self._found is None:
            missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
            self._found = []
            if missing:
                tree = debian.unpack(missing)
                places = {str(Path(tree.path(tool)).parent) for tool in TOOLS if shutil.which(tool) is None}
                libraries = tree.env({}).get("LD_LIBRARY_PATH", "")
                path = ":".join([os.environ.get("PATH", os.defpath), *sorted(places)])
                self._found = ["env", f"PATH={path}", f"LD_LIBRARY_PATH={libraries}"]
        return self._found

    # -- its directory

    def _directory(self, host: str) -> Path:
        directory = self._dir / host
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def _socket(self, node: str) -> Path:
        return self._dir / node / "bgpd.sock"

    def _namespaces(self) -> list[str]:
        code, out, _ = attempt(["ip", "netns", "list"])
        names = [line.split()[0] for line in out.splitlines() if line.strip()] if code == 0 else []
        return [name for name in names if name.startswith(f"bgpd-{self.name}.")]

    def _state(self) -> dict[str, object]:
        try:
            state = json.loads((self._dir / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _write_state(self, state: dict[str, object]) -> None:
        (self._dir / "state.json").write_text(json.dumps(state) + "\n")


PACKAGES = {"bird": "bird2", "frr": "frr", "prometheus": "prometheus"}
FORWARD = "echo 1 > /proc/sys/net/ipv4/ip_forward"


def require_root(what: str) -> None:
    """Raise Failed where we are not root."""
    if os.geteuid() != 0:
        raise Failed(f"{what} needs root (network namespaces): run it with sudo")


def labs() -> list[str]:
    """The names of the labs in namespaces that exist, or of what is left of them."""
    names = {path.name for path in RUN.iterdir()} if RUN.exists() else set()
    if shutil.which("ip") is not None:
        for line in attempt(["ip", "netns", "list"])[1].splitlines():
            found = re.match(r"bgpd-([a-z0-9-]+)\.(fabric|(node|pod|dc)\d+|prometheus)\b", line)
            if found:
                names.add(found[1])
    return sorted(names)


def _home() -> Path:
    """The directory that `import bgpd` needs in its path, installed or not."""
    return Path(bgpd.__file__).resolve().parents[1]


def _daemon_env() -> dict[str, str]:
    env = clean_env()
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_home()), env.get("PYTHONPATH")]))
    env["PYTHONUNBUFFERED"] = "1"
    return env


def _in(namespace: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *command]


def _batch(lines: Sequence[str], namespace: str | None = None) -> None:
    where = ["-n", namespace] if namespace else []
    run(["ip", *where, "-batch", "-"], given="\n".join(lines) + "\n", timeout=120)
