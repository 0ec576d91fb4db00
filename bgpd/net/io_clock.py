"""The only clock: monotonic seconds for machines, wall seconds for people."""

import time
from typing import Final

now: Final = time.monotonic  #: seconds since some fixed point; what the core calls `now`
wall: Final = time.time  #: seconds since the epoch
