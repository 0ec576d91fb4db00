"""The lab in containers: one docker-compose.yml that Compose v1 and v2 both read.

Where `debian:trixie-slim` cannot be pulled, it is made from Debian's packages by debootstrap (root) and tagged with
its official name, so the same Dockerfiles serve everywhere. Images stay as a cache when the lab goes.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

import bgpd
from bgpd.lab.netns import require_root
from bgpd.lab.shell import Failed, attempt, clean_env, run
from bgpd.lab.topology import Topology, build
from bgpd.lab.verdict import Say
from bgpd.model import Overlay

BASE = "debian:trixie-slim"
SUITE = "trixie"
PREFIX = "bgpd-lab-"

#: one service of each image: the others share its tag
IMAGES = ("node1", "pod1", "dc1", "dc2", "prometheus")

#: what a slim image leaves out
FAT = ("usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*", "usr/share/info/*", "var/cache/apt/*")

CA_BUNDLE = "etc/ssl/certs/ca-certificates.crt"


class ComposeDriver:
    """The one container lab of this machine."""

    kind = "docker"
    stop_words = "docker stop"

    def __init__(self, say: Say, topology: Topology | None = None) -> None:
        self._say = say
        self.topology = topology or build(overlay=_overlay())
        if len(self.topology.nodes) != 3:
            raise Failed("the container lab has three nodes: any other number is made of namespaces (--driver netns)")
        self._file = Path(bgpd.__file__).resolve().parents[1] / "docker-compose.yml"

    # -- the lab as a whole

    def exists(self) -> bool:
        return bool(_containers() or _networks())

    def up(self) -> None:
        if self.exists():
            self.down()
        ensure_base(self._say)
        self._say("building the images (minutes where nothing is cached)")
        self._compose("build", *IMAGES, timeout=1500)
        self._say("starting the containers")
        self._compose("up", "--detach", "--no-build", timeout=600)

    def down(self) -> None:
        complaint = ""
        try:
            self._compose("down", "--volumes", "--remove-orphans", "--timeout", "10", timeout=180)
        except Failed as error:
            complaint = str(error)
        # and what another checkout has made, or a Compose that was killed or gave up
        if left := _containers():
            run(["docker", "rm", "--force", "--volumes", *left])
        if left := _networks():
            run(["docker", "network", "rm", *left])
        if complaint:
            self._say(f"Compose failed to take the lab down, it is gone all the same: {complaint}")

    def remove_images(self) -> None:
        """Remove the lab's images (not the base image, which is Debian's)."""
        names = run(["docker", "image", "ls", "--format", "{{.Repository}}"]).split()
        ours = [name for name in names if name.startswith(PREFIX)]
        if ours:
            run(["docker", "image", "rm", *ours])
        run(["docker", "image", "prune", "--force", "--filter", "label=bgpd-lab"])  # stages of builds

    # -- what the checks need

    def argv(self, host: str, command: list[str]) -> list[str]:
        return ["docker", "exec", "--interactive", PREFIX + host, *command]

    def sidecar(self, host: str, command: list[str]) -> list[str]:
        rights = ["--cap-drop", "ALL", "--cap-add", "NET_RAW"]
        network = ["--network", f"container:{PREFIX}{host}"]
        return [
            *("docker", "run", "--rm", "--interactive", *network, *rights),
            *("--entrypoint", command[0], f"{PREFIX}pod", *command[1:]),
        ]

    def bgpctl(self, node: str) -> list[str]:  # noqa: ARG002 - the same on every node
        return ["bgpctl"]

    def python(self, node: str) -> list[str]:  # noqa: ARG002 - the same on every node
        return ["python3"]

    def process_status(self, node: str) -> str | None:
        return run(self.argv(node, ["cat", "/proc/1/status"]))

    def health(self, node: str) -> str | None:
        return run(["docker", "inspect", "--format", "{{.State.Health.Status}}", PREFIX + node]).strip()

    def stop_node(self, node: str) -> None:
        self.stop(node)

    def start_node(self, node: str) -> None:
        self.start(node)

    def stop(self, host: str, program: str = "") -> None:  # noqa: ARG002 - a container has one program
        run(["docker", "stop", "--time", "10", PREFIX + host])

    def start(self, host: str, program: str = "") -> None:  # noqa: ARG002 - a container has one program
        run(["docker", "start", PREFIX + host])

    def example(self, node: str) -> str:
        return f"docker exec {PREFIX}{node} bgpctl show neighbors"

    def log(self, host: str) -> str:
        _, out, err = attempt(["docker", "logs", "--tail", "15", PREFIX + host])
        return (out + err).strip()

    def _compose(self, *words: str, timeout: float) -> None:
        # Compose v1 gives up on an engine that is silent for a minute, as one on a busy machine may be
        env = {"COMPOSE_HTTP_TIMEOUT": "600", **clean_env(), "LAB_POOL": self.topology.pool}
        run([*compose_command(), "--file", str(self._file), *words], env=env, timeout=timeout)


def _overlay() -> Overlay:
    """How packets travel in the lab that is running, by what its first node was told."""
    code, out, _ = attempt(["docker", "inspect", "--format", '{{join .Config.Env "\\n"}}', f"{PREFIX}node1"])
    found = re.search(r"^BGPD_POOL=.*overlay=(\S+)$", out, re.MULTILINE) if code == 0 else None
    return Overlay(found[1]) if found else Overlay.NEVER


def _containers() -> list[str]:
    """The lab's containers, by id: they have fixed names."""
    return run(["docker", "ps", "--all", "--quiet", "--filter", f"name=^/?{PREFIX}"]).split()


def _networks() -> list[str]:
    """The lab's networks, by id: their bridges have fixed names."""
    every = run(["docker", "network", "ls", "--quiet", "--filter", "driver=bridge"]).split()
    if not every:
        return []
    form = '{{.Id}} {{index .Options "com.docker.network.bridge.name"}}'
    rows = [line.split() for line in run(["docker", "network", "inspect", "--format", form, *every]).splitlines()]
    return [row[0] for row in rows if len(row) > 1 and re.fullmatch(r"bgpd-(fabric|pods\d+)", row[1])]


def installed() -> bool:
    """Is there a docker command?"""
    return shutil.which("docker") is not None


def engine_answers() -> bool:
    """Does a Docker engine answer?"""
    if not installed():
        return False
    try:
        return attempt(["docker", "info", "--format", "{{.ServerVersion}}"], timeout=20)[0] == 0
    except Failed:
        return False


def compose_command() -> list[str]:
    """`docker compose` (v2) or `docker-compose` (v1); raises Failed where there is neither."""
    if attempt(["docker", "compose", "version"])[0] == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose") is not None:
        return ["docker-compose"]
    raise Failed("neither `docker compose` nor `docker-compose` is installed")


def ensure_base(say: Say) -> None:
    """Have the base image: here already, or pulled, or made from Debian's packages."""
    if attempt(["docker", "image", "inspect", BASE])[0] == 0:
        return
    say(f"pulling {BASE}")
    try:
        code, _, err = attempt(["docker", "pull", "--quiet", BASE], timeout=300)
    except Failed as error:
        code, err = 1, str(error)
    if code == 0:
        return
    say(f"no registry answers ({(err.strip().splitlines() or ['no reason given'])[-1]})")
    say(f"making {BASE} from Debian's packages (about a minute)")
    make_base()


def make_base() -> None:
    """Make the base image by debootstrap."""
    require_root("making the base image")
    if shutil.which("debootstrap") is None:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if shutil.which("apt-get") is None:
            raise Failed(f"{BASE} cannot be pulled, and debootstrap is missing: install either a registry's way or it")
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "debootstrap"]
        if attempt(install, env=env, timeout=300)[0] != 0:
            run(["apt-get", "update"], env=env, timeout=300)
            run(install, env=env, timeout=300)
    with tempfile.TemporaryDirectory(prefix="bgpd-base-") as name:
        root = Path(name, "root")
        scripts = Path("/usr/share/debootstrap/scripts")
        # an older debootstrap does not know the release by name; all recent ones share one script
        script = [] if (scripts / SUITE).exists() else ["http://deb.debian.org/debian", str(scripts / "sid")]
        options = ["--variant=minbase", "--include=ca-certificates"]
        run(["debootstrap", *options, SUITE, str(root), *script], timeout=900)
        host_bundle = Path("/", CA_BUNDLE)
        if host_bundle.exists():  # where the host's way out has its own authority, builds need it too
            shutil.copyfile(host_bundle, root / CA_BUNDLE)
        archive = Path(name, "base.tar")
        excludes = [f"--exclude=./{pattern}" for pattern in FAT]
        run(["tar", "-C", str(root), *excludes, "-c", "-f", str(archive), "."], timeout=300)
        run(["docker", "import", "--change", 'CMD ["bash"]', str(archive), BASE], timeout=300)
