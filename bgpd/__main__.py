"""`python -m bgpd` is `bgpd`."""

import gc
import sys

gc.disable()  # nothing of what is loaded now is garbage; `net.memory` and `daemon.main` know when to look

from bgpd.daemon import main  # noqa: E402 - see above

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
