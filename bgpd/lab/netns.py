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
from bgpd.lab import calico, debian, links, render, resources, store
from bgpd.lab.limits import raise_neighbour_limits, restore_neighbour_limits
from bgpd.lab.processes import end, read_pid, start_time
from bgpd.lab.shell import Failed, attempt, clean_env, run
from bgpd.lab.topology import ETCD_PORT, PROMETHEUS_PORT, Node, Router, RouterKind, Topology, build, build_cluster
from bgpd.model import Overlay

RUN = Path("/run/bgpd-lab")

HOSTS = r"fabric|(node|pod|dc|east|east-pod)\d+|calico|calico-pod|etcd|prometheus"  #: of any lab

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
        make = build_cluster if state.get("cluster") else build
        self.topology = topology or make(int(str(state.get("nodes", 3))), overlay=overlay)
        self._found: list[str] | None = None
        self._trees: dict[str, debian.Tree] = {}

    # -- the lab as a whole

    def exists(self) -> bool:
        return self._dir.exists() or bool(self._namespaces())

    def up(self) -> None:
        require_root("the lab in namespaces")
        for tool in ("ip", "unshare", "mount"):
            if shutil.which(tool) is None:
                raise Failed(f"the lab needs the command {tool} (Debian packages iproute2, util-linux, mount)")
        topology = self.topology
        kinds = [*(router.kind.value for router in topology.routers), *(["prometheus"] if self._scraped else [])]
        kinds += ["etcd"] if topology.etcd is not None else []
        kinds += ["calico"] if topology.calico is not None else []
        self._trees = {kind: debian.unpack([PACKAGES[kind]]) for kind in kinds}
        if self.exists():
            self.down()
        self._dir.mkdir(parents=True)
        state: dict[str, object] = {
            "nodes": len(topology.nodes),
            "overlay": topology.overlay.value,
            "cluster": topology.etcd is not None,
        }
        self._write_state(state)
        self._write_state(state | {"neighbour_limits": raise_neighbour_limits(len(topology.nodes))})
        self._make_links()
        if topology.etcd is not None:
            self.start("etcd")
        for router in topology.routers:
            self._start_router(router)
        if self._scraped:
            self._start_prometheus()
        for node in topology.speakers:
            text = render.node_yaml(topology, node, self._datastore(node))
            (self._directory(node.name) / "bgpd.yaml").write_text(text)
        if topology.etcd is not None:
            self._fill_datastores()
        if topology.calico is not None:
            self.start(topology.calico.name)
        for name in topology.service.backends if topology.service is not None else ():
            self.start(name, "backend")
        for node in topology.speakers if self._start else ():
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
        self.stop(node, "bgpd")

    def start_node(self, node: str) -> None:
        self.start(node, "bgpd")

    def stop(self, host: str, program: str = "") -> None:
        program = program or host
        file = self._dir / host / f"{program}.pid"
        pid = read_pid(file)
        if pid is None:
            raise Failed(f"{host} does not run: {self.log(host)}" if program == "bgpd" else f"no {program} on {host}")
        end([pid], patience=10)
        file.unlink(missing_ok=True)

    def start(self, host: str, program: str = "") -> None:
        program = program or host
        directory = self._directory(host)
        if read_pid(directory / f"{program}.pid") is not None:
            raise Failed(f"{program} on {host} runs already")
        if program == "bgpd":
            words = [
                sys.executable,
                "-m",
                "bgpd",
                "--config",
                f"{directory}/bgpd.yaml",
                "--control",
                f"{directory}/bgpd.sock",
            ]
            cached = ["--datastore-cache", f"{directory}/cache"] if self.topology.datastore else []
            self._spawn(host, program, [*words, *cached], _daemon_env())
        elif program == "backend":
            assert self.topology.service is not None
            words = [sys.executable, "-m", "bgpd.lab.backend", str(self.topology.service.port), host]
            self._spawn(host, program, words, _daemon_env())
        elif program == "etcd":
            tree, url = self._tree("etcd"), f"http://{self.topology.etcd}:{ETCD_PORT}"
            words = ["--name", "lab", "--data-dir", f"{directory}/data", "--listen-client-urls", url]
            words += ["--advertise-client-urls", url, "--heartbeat-interval", "50", "--election-timeout", "500"]
            self._spawn(host, program, tree.command("etcd", *words), tree.env())
        else:
            tree = self._tree("calico")
            (directory / "bird.cfg").write_text(calico.bird_cfg(self.topology))
            words = ["-R", "-f", "-c", f"{directory}/bird.cfg", "-s", f"{directory}/bird.ctl"]
            self._spawn(host, program, tree.command("bird", *words), tree.env())

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
        topology = self.topology
        wires = self.namespace("fabric")
        _batch([f"netns add {name}" for name in (wires, *(self.namespace(host) for host in topology.hosts()))])
        # IPv6 on a bridge that only forwards frames is nothing but noise
        run(_in(wires, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6 || true"))
        _batch(links.fabric(topology, self.namespace("{}")), wires)
        for host in dict.fromkeys(leg.host for leg in links.legs(topology)):
            _batch(links.host(topology, host), self.namespace(host))
        for node in topology.members:
            outside, inside = links.pods(topology, node, self.namespace(node.pod))
            _batch(outside, self.namespace(node.name))
            _batch(inside, self.namespace(node.pod))
        for host in [*(node.name for node in topology.members), *(router.name for router in topology.routers)]:
            words = [line.split() for line in links.settings(topology, host)]
            script = "; ".join(f"echo {value} > /proc/sys/net/ipv4/{name}" for name, value in words)
            run(_in(self.namespace(host), "sh", "-ec", script))

    # -- its programs

    def _start_router(self, router: Router) -> None:
        tree = self._tree(router.kind.value)
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

    def _start_prometheus(self) -> None:
        tree = self._tree("prometheus")
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

    def _tree(self, kind: str) -> debian.Tree:
        if kind not in self._trees:
            self._trees[kind] = debian.unpack([PACKAGES[kind]])
        return self._trees[kind]

    def _datastore(self, node: Node) -> str:
        """Where a node's cluster keeps its resources; empty: nowhere."""
        return f"files://{self._dir}/east.resources" if node in self.topology.east else self.topology.datastore

    def _fill_datastores(self) -> None:
        """Write what the owners of both clusters would write."""
        east = self._dir / "east.resources"
        east.mkdir()
        (east / "cluster.yaml").write_text(resources.east(self.topology))
        store.wait(self)
        store.apply(self, resources.cluster(self.topology))
        store.claim(self, self.topology.mesh)
        if self.topology.calico is not None:
            store.apply(self, resources.joining(self.topology))

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


PACKAGES = {"bird": "bird2", "frr": "frr", "prometheus": "prometheus", "etcd": "etcd-server", "calico": "bird"}


def require_root(what: str) -> None:
    """Raise Failed where we are not root."""
    if os.geteuid() != 0:
        raise Failed(f"{what} needs root (network namespaces): run it with sudo")


def labs() -> list[str]:
    """The names of the labs in namespaces that exist, or of what is left of them."""
    names = {path.name for path in RUN.iterdir()} if RUN.exists() else set()
    if shutil.which("ip") is not None:
        for line in attempt(["ip", "netns", "list"])[1].splitlines():
            found = re.match(rf"bgpd-([a-z0-9-]+)\.({HOSTS})( |$)", line)
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
