"""Real daemons in namespaces, joined by a real etcd and nothing else."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.etcd.driver import Member
from tests.netns.netns import Namespace, Net

PATIENCE = 40.0
CALICO = "/calico/resources/v3/projectcalico.org/"


def resource(kind: str, name: str, spec: object, **meta: object) -> str:
    return json.dumps(
        {"kind": kind, "apiVersion": "projectcalico.org/v3", "metadata": {"name": name, **meta}, "spec": spec}
    )


def wait(what: Callable[[], object], *logs: Path, patience: float = PATIENCE) -> None:
    """Until it is so; where it is not in time, the logs say why."""
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline, "\n".join(log.read_text()[-4000:] for log in logs)
        time.sleep(0.05)


class Daemon:
    """One bgpd on one host."""

    def __init__(self, work: Path, host: Namespace, name: str, *options: str) -> None:
        self.host, self.name, self.work = host, name, work
        self.options = options
        self.log = work / f"{name}.log"
        self.socket = work / f"{name}.sock"
        self.cache = work / f"{name}.cache"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> "Daemon":
        words = ["--node", self.name, "--hostname", f"host-{self.name}", "--metrics", "off", "--log-format", "json",
                 "--datastore-cache", str(self.cache), "--control", str(self.socket)]  # fmt: skip
        with self.log.open("a") as log:
            self.process = self.host.popen(
                [sys.executable, "-m", "bgpd", *words, *self.options], stderr=log, stdout=log, cwd=str(Path.cwd())
            )
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            os.kill(self.process.pid, number)  # ip netns exec execs: it is the daemon itself
            self.process.wait(20)
            self.process = None

    def events(self, event: str) -> list[dict[str, object]]:
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [found for line in lines if (found := json.loads(line))["event"] == event]

    def sessions(self) -> dict[str, str]:
        """Address -> state."""
        return {view["address"]: view["state"] for view in self.ctl("show", "neighbors")}

    def ctl(self, *words: str) -> list[dict[str, str]]:
        argv = [sys.executable, "-m", "bgpd.cli.main", "--control", str(self.socket), "--json", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else []

    def established(self) -> int:
        last: dict[object, object] = {}
        for each in self.events("session"):
            last[each["address"]] = each["new"]
        return sum(state == "Established" for state in last.values())


class Cluster:
    """An etcd and hosts on one switch: host n is 192.0.2.n, etcd is 192.0.2.100."""

    def __init__(self, net: Net, work: Path, hosts: int) -> None:
        self.work = work
        switch, self.server = net.namespace("sw"), net.namespace("etcd")
        self.hosts = [net.namespace(f"h{n}") for n in range(1, hosts + 1)]
        net.bridge(switch, "br0", *[(host, "eth0") for host in self.hosts], (self.server, "eth0"))
        for number, host in enumerate(self.hosts, 1):
            host.ip(f"addr add 192.0.2.{number}/24 dev eth0")
        self.server.ip("addr add 192.0.2.100/24 dev eth0")
        self.etcd = Member("one", work, "192.0.2.100:2379", "192.0.2.100:2380", namespace=self.server)
        self.daemons: list[Daemon] = []

    def start_etcd(self) -> None:
        self.etcd.start()
        self.etcd.wait()

    def put(self, plural: str, name: str, text: str) -> float:
        """Write a resource with etcdctl; when."""
        self.etcd.ctl("put", CALICO + f"{plural}/{name}", text)
        return time.time()

    def daemon(self, number: int, *options: str, name: str = "", datastore: str = "etcd://192.0.2.100") -> Daemon:
        found = Daemon(
            self.work, self.hosts[number - 1], name or f"n{number}", "--datastore", datastore, "--router-id",
            f"192.0.2.{number}", *options,
        )  # fmt: skip
        self.daemons.append(found)
        return found

    def stop(self) -> None:
        for daemon in self.daemons:
            daemon.stop(signal.SIGKILL)
        self.etcd.stop()
