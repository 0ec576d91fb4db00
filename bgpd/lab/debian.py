"""Debian packages without installing them: download, unpack into a cache, run from there.

On somebody's machine `apt-get install frr` would start a service on port 179 and write into /etc. The lab and the
interop tests want only the programs. So a package, and those of its dependencies that the machine lacks, are
fetched by `apt-get download`, unpacked by `dpkg -x` into a directory of the package's own, and started by whoever
needs them, with the library path pointing there. No maintainer script runs, no service starts, nothing is owned
by dpkg; deleting the cache directory is the whole clean-up.

One directory a package keeps packages apart that cannot be installed together (bird and bird2, or openbgpd, whose
binaries have our names). Some programs insist on a user or group that only their maintainer script would make;
`Tree.command` gives those a private view of /etc/passwd and /etc/group instead.
"""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

#: dependencies that no program here needs to run: web interfaces, log rotation, maintainer-script helpers
UNNEEDED = ("libjs-", "fonts-", "logrotate", "adduser", "init-system-helpers", "ssl-cert", "debconf")

#: users and groups that packages expect their maintainer script to have made
ACCOUNTS = ("frr", "frrvty", "bird", "exabgp", "gobgpd", "_openbgpd", "_bgpd", "_bgplgd", "prometheus", "etcd")

#: where a program may lie inside a package
BINARY_PLACES = ("usr/sbin", "usr/bin", "sbin", "bin", "usr/lib/frr", "usr/libexec/frr")


class DebianError(Exception):
    """A package could not be fetched or unpacked; the text says why and what helps."""


def cache_dir() -> Path:
    """Where unpacked packages live: XDG's cache, one directory a distribution release and architecture."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    kind = f"{release.get('ID', 'linux')}-{release.get('VERSION_ID', 'unknown')}-{platform.machine()}"
    return Path(base) / "bgpd" / "debian" / kind


@dataclass(frozen=True, slots=True)
class Tree:
    """Unpacked packages, seen as one: `roots` in the order asked for, first match wins."""

    roots: tuple[Path, ...]
    versions: dict[str, str]  #: package -> version, for every package asked for
    accounts: Path  #: directory with passwd and group files that know ACCOUNTS

    def path(self, binary: str) -> str:
        """The full path of a program; raises DebianError where no package has it."""
        for root in self.roots:
            for place in BINARY_PLACES:
                candidate = root / place / binary
                if candidate.is_file():
                    return str(candidate)
        raise DebianError(f"no program {binary} in {', '.join(str(root) for root in self.roots)}")

    def file(self, name: str) -> Path:
        """A file or directory by its path in the package, e.g. "usr/share/yang"."""
        for root in self.roots:
            if (root / name).exists():
                return root / name
        raise DebianError(f"no {name} in {', '.join(str(root) for root in self.roots)}")

    def libraries(self) -> list[str]:
        """Every directory here that holds shared libraries."""
        found = []
        for root in self.roots:
            for pattern in ("usr/lib", "usr/lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/frr", "lib/*-linux-gnu*"):
                found += [str(path) for path in sorted(root.glob(pattern)) if any(path.glob("*.so*"))]
        return found

    def env(self, base: dict[str, str] | None = None) -> dict[str, str]:
        """An environment in which the programs find their libraries and Python modules."""
        env = dict(os.environ if base is None else base)
        own = self.libraries()
        if own:
            before = env.get("LD_LIBRARY_PATH")
            env["LD_LIBRARY_PATH"] = ":".join([*own, before] if before else own)
        modules = [str(path) for root in self.roots for path in root.glob("usr/lib/python3/dist-packages")]
        if modules:
            before = env.get("PYTHONPATH")
            env["PYTHONPATH"] = ":".join([*modules, before] if before else modules)
        return env

    def command(self, binary: str, *args: str) -> list[str]:
        """The argv that runs a program of this tree as root with ACCOUNTS known (a private mount namespace).

        It execs all the way: the process id of what is started is the program's own.
        """
        script = (
            f"mount --bind {self.accounts}/passwd /etc/passwd && mount --bind {self.accounts}/group /etc/group "
            '&& exec "$@"'
        )
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", self.path(binary), *args]


def unpack(packages: Sequence[str], cache: Path | None = None) -> Tree:
    """Make the packages' programs runnable and say where they are; a second call finds the cache.

    Raises DebianError where there is no apt-get, no such package, or no way to fetch it.
    """
    where = cache or cache_dir()
    where.mkdir(parents=True, exist_ok=True)
    versions = {}
    for package in packages:
        manifest = where / package / "manifest.json"
        if not manifest.exists():
            with _locked(where / f".{package}.lock"):
                if not manifest.exists():
                    _fetch(package, where)
        versions[package] = str(json.loads(manifest.read_text())[package])
    return Tree(tuple(where / package for package in packages), versions, _accounts(where))


def with_home(tree: Tree, user: str, directory: Path) -> Tree:
    """The same programs, with accounts under `directory` in which the user has an empty home that root owns.

    A daemon that separates its privileges by chroot insists on that.
    """
    home, accounts = directory / "empty", directory / "accounts"
    home.mkdir(mode=0o755)
    accounts.mkdir()
    for name, row in (("passwd", f"{user}:x:64990:64990::{home}:/usr/sbin/nologin"), ("group", f"{user}:x:64990:")):
        lines = [line for line in (tree.accounts / name).read_text().splitlines() if not line.startswith(f"{user}:")]
        (accounts / name).write_text("\n".join([*lines, row]) + "\n")
    return replace(tree, accounts=accounts)


def _fetch(package: str, where: Path) -> None:
    """Download one package with what the machine lacks of its dependencies; the directory appears complete or not."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise DebianError(f"{package} is taken from Debian's packages: this needs apt-get and dpkg")
    with tempfile.TemporaryDirectory(prefix=f".{package}-", dir=where) as name:
        work = Path(name)
        work.chmod(0o755)
        options: list[str] = []
        try:
            _download(package, options, work)
        except DebianError:  # lists missing or older than the archive: fetch lists of our own, which needs no root
            options = _private_lists(where)
            _download(package, options, work)
        tree, manifest = work / "tree", {}
        tree.mkdir()
        for archive in sorted((work / "archives").glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(tree)], work)
            fields = _run(["dpkg-deb", "-f", str(archive), "Package", "Version"], work).splitlines()
            values = dict(line.split(": ", 1) for line in fields)
            manifest[values["Package"]] = values["Version"]
        (tree / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        tree.chmod(0o755)
        shutil.rmtree(where / package, ignore_errors=True)
        tree.rename(where / package)


def _download(package: str, options: list[str], work: Path) -> None:
    plan = _run(["apt-get", *options, "--simulate", "--no-install-recommends", "install", package], work)
    missing = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    wanted = [package, *(name for name in missing if name != package and not name.startswith(UNNEEDED))]
    archives = work / "archives"
    archives.mkdir(exist_ok=True)
    _run(["apt-get", *options, "--quiet", "download", *wanted], archives)


def _private_lists(where: Path) -> list[str]:
    """Package lists under the cache, refreshed, and the options that make apt-get read them."""
    lists, cache = where / ".apt" / "lists", where / ".apt" / "cache"
    for directory in (lists / "partial", cache / "archives" / "partial"):
        directory.mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}", "-o", "APT::Sandbox::User="]
    with _locked(where / ".apt.lock"):
        _run(["apt-get", *options, "--quiet", "update"], where)
    return options


def _run(argv: list[str], where: Path) -> str:
    env = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, cwd=where, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - own argv
    if done.returncode != 0:
        raise DebianError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip() or f'exit {done.returncode}'}")
    return done.stdout


def _accounts(where: Path) -> Path:
    """The machine's passwd and group files with ACCOUNTS added where they are missing; ids from an unused range."""
    directory = where / ".accounts"
    directory.mkdir(exist_ok=True)
    rows = {
        "passwd": "{0}:x:{1}:{1}:{0}:/nonexistent:/usr/sbin/nologin",
        "group": "{0}:x:{1}:",
    }
    for name, row in rows.items():
        lines = Path("/etc", name).read_text().splitlines()
        known = {line.split(":", 1)[0] for line in lines}
        lines += [row.format(who, 64512 + i) for i, who in enumerate(ACCOUNTS) if who not in known]
        if name == "group":  # FRR's daemons run as root here, and want their user in the group of their sockets
            lines = [_with_root(line) if line.startswith("frrvty:") else line for line in lines]
        content = "\n".join(lines) + "\n"
        target = directory / name
        if not target.exists() or target.read_text() != content:
            fresh = directory / f".{name}.{os.getpid()}"
            fresh.write_text(content)
            fresh.chmod(0o644)
            fresh.rename(target)
    return directory


def _with_root(line: str) -> str:
    """A line of /etc/group with root among its members."""
    head, _, members = line.rpartition(":")
    return f"{head}:{','.join([*filter(None, members.split(',')), 'root'])}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
