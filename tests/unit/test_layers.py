"""The architecture, held by a test that reads every import of every module.

    daemon  cli  lab                                           wiring
    net  kernel (its shell)  control  http  log                 shells: asyncio, sockets, files, the clock
    cluster                                                     what a node does, from the cluster's resources
    speaker  config                                            the owner; specs from text
    session  rib  policy  kernel (the rest)                    tables and machines
    model                                                      specs
    wire                                                       values

Imports go down. Rooms on one line do not know each other. What touches the world is imported in shells and above
only, each library through one door. And every module has its test.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bgpd"
UNIT = ROOT / "tests" / "unit"

#: room -> its floor. A room is a package, or a module where one package has two floors.
FLOORS = {
    "wire": 0,
    "compiled": 0,
    "model": 1,
    "session": 2,
    "rib": 2,
    "policy": 2,
    "kernel": 2,
    "speaker": 3,
    "config": 3,
    "cluster": 4,
    "cluster.store": 5,
    "health": 5,
    "net": 5,
    "control": 5,
    "http": 5,
    "log": 5,
    "lab": 6,
    "cli": 6,
    "answers": 6,
    "membership": 6,
    "daemon": 7,
    "__main__": 8,
}
#: floors that may touch the world
SHELLS = 5
#: rooms of one floor that are one room for this purpose
KERNEL_SHELL = (
    "audit",
    "culprit",
    "io_netlink",
    "io_vxlan",
    "listener",
    "overlay",
    "report",
    "resync",
    "service",
    "worker",
)
SAME = {f"kernel.{module}": "kernel shell" for module in KERNEL_SHELL}
FLOORS |= dict.fromkeys(SAME, SHELLS)

WORLD = frozenset(
    [
        "asyncio",
        "concurrent",
        "ctypes",
        "fcntl",
        "logging",
        "multiprocessing",
        "os",
        "random",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "ssl",
        "subprocess",
        "tempfile",
        "termios",
        "threading",
        "time",
    ]
)
#: what a module below the shells may import of the world all the same, and why
EXCUSED = {
    ("kernel.plan", "os"): "strerror only: a table of words",
}
#: files are read in shells, and here, because a configuration is files
FILES = {"config.load", "config.secret", "config.values"}
#: libraries that only one module may know
DOORS = {
    "yaml": {"config.yamltree"},
    "structlog": {"log"},
    "prometheus_client": {"http.metrics"},
    "pyroute2": {"kernel.io_vxlan"},
    "aiohttp": {"cluster.store.gateway"},
}

#: modules whose test is not tests/unit/<room>/test_<module>.py -> where it is; the file must exist
ELSEWHERE: dict[str, str] = {
    "__main__": "tests/unit/test_daemon.py",
    "cli.client": "tests/unit/cli/test_main.py",  # over a real socket
    "cluster.store.base": "tests/etcd/test_store.py",  # a protocol and its values: both stores keep it
    "cluster.store.etcd": "tests/etcd/test_store.py",
    "cluster.store.gateway": "tests/etcd/test_access.py",
    "cluster.store.inotify": "tests/unit/cluster/store/test_files.py",
    "membership": "tests/etcd/test_cluster.py",
    "control.protocol": "tests/unit/control/test_service.py",
    "kernel.audit": "tests/netns/test_kernel_audit.py",
    "kernel.io_netlink": "tests/netns/test_kernel_routes.py",
    "kernel.io_vxlan": "tests/netns/test_vxlan.py",
    "kernel.overlay": "tests/netns/test_overlay.py",
    "kernel.listener": "tests/netns/test_kernel_events.py",
    "kernel.resync": "tests/netns/test_kernel_events.py",
    "kernel.service": "tests/netns/test_kernel_routes.py",
    "kernel.worker": "tests/netns/test_kernel_routes.py",
    "lab.__main__": "tests/unit/lab/test_main.py",
    "speaker.ports": "tests/sim/test_mesh.py",  # protocols only: the simulated network implements them
    "speaker.views": "tests/unit/cli/test_render.py",  # fields only: what they look like
    "speaker.events": "tests/unit/speaker/test_watching.py",  # fields only
}
#: test files of tests/unit that belong to no module
OVERALL = {"test_layers", "speaker/test_clients", "speaker/test_unnumbered"}


def name_of(path: Path) -> str:
    """bgpd/rib/path.py -> "rib.path"; bgpd/rib/__init__.py -> "rib"."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(tree: ast.AST, *, typing: bool) -> Iterator[tuple[str, list[str]]]:
    """Every import in a tree as (module, names taken from it); those under TYPE_CHECKING only where asked for."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and not typing:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used here"
            yield node.module or "", [alias.name for alias in node.names]
        else:
            yield from imports(node, typing=typing)


@functools.cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text())


def own(name: str, *, typing: bool = True) -> set[str]:
    """The modules of ours that a module imports."""
    found = set()
    for module, names in imports(tree(name), typing=typing):
        if module == "bgpd" or module.startswith("bgpd."):
            base = module.removeprefix("bgpd").removeprefix(".")
            inner = {f"{base}.{word}".lstrip(".") for word in names}
            found |= {word for word in inner if word in MODULES} or {base}
    return found - {name, ""}  # "": the version


def foreign(name: str) -> set[str]:
    """The top-level names of everything else that it imports."""
    return {module.partition(".")[0] for module, _ in imports(tree(name), typing=True)} - {"bgpd"}


def room(name: str) -> str:
    """The longest name in the table that the module's begins with."""
    while name not in FLOORS and "." in name:
        name = name.rpartition(".")[0]
    return name


NAMES = [name for name in MODULES if name]


@pytest.mark.parametrize("name", NAMES)
def test_imports_go_down(name: str) -> None:
    here = room(name)
    assert here in FLOORS, f"{name}: a new room needs a floor in this table"
    for other in own(name):
        there = room(other)
        if SAME.get(there, there) == SAME.get(here, here):
            continue
        assert FLOORS[there] < FLOORS[here], f"{name} may not import {other}: {there} is not below {here}"


@pytest.mark.parametrize("name", [name for name in NAMES if FLOORS.get(room(name), 0) < SHELLS])
def test_the_core_does_not_touch_the_world(name: str) -> None:
    touched = {word for word in foreign(name) & WORLD if (name, word) not in EXCUSED}
    assert not touched, f"{name} imports {sorted(touched)}: time, sockets and chance come in as arguments"
    assert "pathlib" not in foreign(name) or name in FILES, f"{name} reads files"
    calls = {node.func.id for node in ast.walk(tree(name)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
    assert not calls & {"open", "print", "input"}, f"{name} calls {calls & {'open', 'print', 'input'}}"


@pytest.mark.parametrize("name", NAMES)
def test_libraries_have_one_door(name: str) -> None:
    for library, doors in DOORS.items():
        assert library not in foreign(name) or name in doors, f"{name} imports {library}; its door is {sorted(doors)}"


def test_excuses_are_needed() -> None:
    assert {key for key in EXCUSED if key[1] not in foreign(key[0])} == set()
    assert {name for name in FILES if "pathlib" not in foreign(name)} == set()
    assert {name for doors in DOORS.values() for name in doors if name not in MODULES} == set()
    assert {name for name in FLOORS if name not in MODULES} == set()


def test_there_is_no_cycle() -> None:
    """Not even one that a late import hides. (Names for annotations only do not count.)"""
    edges = {name: own(name, typing=False) for name in NAMES}
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> None:
        if name in way:
            pytest.fail(" -> ".join([*way[way.index(name) :], name]))
        if name in done:
            return
        for other in sorted(edges[name]):
            if other != name.rpartition(".")[0]:  # a module may ask its package for a constant
                walk(other, [*way, name])
        done.add(name)

    for name in NAMES:
        walk(name, [])


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(tree(name)), f"{name} has no docstring"


# the mirror


def mirror(name: str) -> Path:
    head, _, tail = name.rpartition(".")
    return UNIT.joinpath(*head.split("."), f"test_{tail}.py")


LEAVES = [name for name, path in MODULES.items() if path.name != "__init__.py"]


@pytest.mark.parametrize("name", LEAVES)
def test_every_module_has_its_test(name: str) -> None:
    path = ROOT / ELSEWHERE[name] if name in ELSEWHERE else mirror(name)
    assert path.exists(), f"{name}: no {path.relative_to(ROOT)}"
    assert re.search(r"^\s*(async )?def test_", path.read_text(), re.MULTILINE), (
        f"{path.relative_to(ROOT)} tests nothing"
    )


def test_every_test_has_its_module() -> None:
    known = {mirror(name) for name in LEAVES} | {UNIT / f"{name}.py" for name in OVERALL}
    assert [str(path.relative_to(ROOT)) for path in sorted(UNIT.rglob("test_*.py")) if path not in known] == []


def test_elsewhere_is_only_where_it_must_be() -> None:
    assert sorted(name for name in ELSEWHERE if name not in LEAVES) == []
    assert sorted(name for name in ELSEWHERE if mirror(name).exists()) == []


# the test itself can fail


def test_imports_are_found_wherever_they_stand() -> None:
    source = (
        "import a.b\nfrom c import d\nif TYPE_CHECKING:\n    import e\n"
        "def f():\n    from g import h\n    class X:\n        import i\n"
    )
    assert sorted(module for module, _ in imports(ast.parse(source), typing=True)) == ["a.b", "c", "e", "g", "i"]
    assert "e" not in [module for module, _ in imports(ast.parse(source), typing=False)]
