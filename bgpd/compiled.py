"""Which rooms of this process run as machine code.

The modules that mypyc has compiled are the same sources (`setup.py`), imported in place of the text; so it is the
loaded modules that say which is running, not the settings of some build.
"""

import sys
from importlib.machinery import EXTENSION_SUFFIXES


def rooms() -> tuple[str, ...]:
    """The rooms with compiled modules, by name: ("policy", "rib", "speaker", "wire"); empty: all is interpreted."""
    found: set[str] = set()
    for name, module in list(sys.modules.items()):
        if name.startswith("bgpd.") and (getattr(module, "__file__", None) or "").endswith(tuple(EXTENSION_SUFFIXES)):
            found.add(name.split(".")[1])
    return tuple(sorted(found))


def words() -> str:
    """For people: "interpreted", or "compiled: policy rib speaker wire"."""
    found = rooms()
    return f"compiled: {' '.join(found)}" if found else "interpreted"
