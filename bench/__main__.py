"""`python -m bench [NAME...]`: run the measurements and print what they found."""

import os
import sys
from collections.abc import Callable

from bench import cluster, single
from bench.table import Result, keep, text
from bgpd.lab.netns import require_root
from bgpd.lab.shell import Failed

BENCHES: dict[str, Callable[[], list[Result]]] = {
    "single": single.measure,
    "cluster": cluster.three_nodes,
    "mesh20": lambda: cluster.mesh(20),
}


def main() -> int:
    names = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"bench: no measurement named {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    try:
        require_root("a measurement")
        for name in names:
            results = BENCHES[name]()
            print(f"\n{text(results)}\n-> {os.path.relpath(keep(name, results))}", flush=True)
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
