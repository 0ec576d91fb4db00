"""A real etcd, one member or three: started, stopped, cut off, compacted; with TLS, with users."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bgpd.cluster.store.gateway import Access
from bgpd.lab.debian import Tree, unpack
from tests.netns.netns import Namespace

PATIENCE = 20.0


@cache
def programs() -> Tree:
    return unpack(["etcd-server", "etcd-client"])


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody has now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@dataclass
class Tls:
    """Files of a certificate authority and what it signed."""

    ca: Path
    certificate: Path
    key: Path
    client_certificate: Path
    client_key: Path

    @classmethod
    def make(cls, work: Path) -> "Tls":
        """An authority, a server's certificate for 127.0.0.1, and a client's."""
        work.mkdir()

        def run(*words: str) -> None:
            subprocess.run(["openssl", *words], cwd=work, check=True, capture_output=True)

        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        run("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test ca")
        for name, uses in (("server", "serverAuth,clientAuth"), ("client", "clientAuth")):
            run("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            (work / "extensions").write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={uses}\n")
            run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", "extensions")  # fmt: skip
        return cls(*(work / name for name in ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")))


@dataclass
class Member:
    """One etcd process, and all that is needed to start it again."""

    name: str
    work: Path
    client: str  #: ADDR:PORT
    peer: str
    initial: str = ""  #: of the cluster
    tls: Tls | None = None
    options: Sequence[str] = ()
    namespace: Namespace | None = None
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.client}"

    def start(self) -> None:
        """Start it; `wait` says when it answers."""
        argv = [
            programs().path("etcd"), "--name", self.name, "--data-dir", str(self.work / self.name),
            "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
            "--listen-peer-urls", f"http://{self.peer}", "--initial-advertise-peer-urls", f"http://{self.peer}",
            "--initial-cluster", self.initial or f"{self.name}=http://{self.peer}",
            "--heartbeat-interval", "50", "--election-timeout", "500", *self.options,
        ]  # fmt: skip
        if self.tls:
            argv += ["--cert-file", str(self.tls.certificate), "--key-file", str(self.tls.key)]
            argv += ["--trusted-ca-file", str(self.tls.ca), "--client-cert-auth"]
        if self.namespace is not None:
            argv = ["ip", "netns", "exec", self.namespace.name, *argv]
        with (self.work / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it; it can be started again with what it knew."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(PATIENCE)
            self.process = None

    def wait(self) -> None:
        """Until the member answers, with a leader. A TLS member is asked by etcdctl."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.ctl("endpoint", "status")
                if self.tls or self.namespace or json.loads(self._post("maintenance/status"))["leader"] != "0":
                    return
            except (OSError, KeyError, subprocess.CalledProcessError):
                pass
            assert self.process is not None
            assert self.process.poll() is None, (self.work / f"{self.name}.log").read_text()[-2000:]
            assert time.monotonic() < deadline, (self.work / f"{self.name}.log").read_text()[-2000:]
            time.sleep(0.05)

    def is_leader(self) -> bool:
        status = json.loads(self._post("maintenance/status"))
        return bool(status["leader"] == status["header"]["member_id"])

    def ctl(self, *words: str, user: str = "", stdin: str = "") -> str:
        """`etcdctl WORDS`."""
        argv = [programs().path("etcdctl"), "--endpoints", self.url, "--command-timeout", "3s"]
        if self.tls:
            argv += ["--cacert", str(self.tls.ca), "--cert", str(self.tls.client_certificate)]
            argv += ["--key", str(self.tls.client_key)]
        if user:
            argv += ["--user", user]
        if self.namespace is not None:
            argv = ["ip", "netns", "exec", self.namespace.name, *argv]
        environment = {"ETCDCTL_API": "3", "PATH": os.environ["PATH"]}
        done = subprocess.run([*argv, *words], env=environment, input=stdin, check=True, capture_output=True, text=True)
        return done.stdout

    def _post(self, method: str) -> bytes:
        request = urllib.request.Request(f"{self.url}/v3/{method}", b"{}")
        with urllib.request.urlopen(request, timeout=2) as answer:
            return bytes(answer.read())


@contextlib.contextmanager
def single(work: Path, *, tls: Tls | None = None, options: Sequence[str] = ()) -> Iterator[Member]:
    """One etcd that answers."""
    client, peer = free_ports(2)
    member = Member("one", work, f"127.0.0.1:{client}", f"127.0.0.1:{peer}", tls=tls, options=options)
    try:
        member.start()
        member.wait()
        yield member
    finally:
        member.stop()


@contextlib.contextmanager
def three(work: Path) -> Iterator[list[Member]]:
    """A cluster of three that has a leader."""
    ports = free_ports(6)
    peers = [f"m{n}=http://127.0.0.1:{ports[n + 3]}" for n in range(3)]
    members = [
        Member(f"m{n}", work, f"127.0.0.1:{ports[n]}", f"127.0.0.1:{ports[n + 3]}", ",".join(peers)) for n in range(3)
    ]
    try:
        for member in members:
            member.start()
        for member in members:
            member.wait()
        yield members
    finally:
        for member in members:
            member.stop()


def access(*members: Member, **more: object) -> Access:
    """How these members are reached."""
    return Access(endpoints=tuple(member.url for member in members), **more)  # type: ignore[arg-type]
