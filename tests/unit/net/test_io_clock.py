"""The clock is monotonic; the wall is the epoch's."""

import time

from bgpd.net.io_clock import now, wall


def test_clocks() -> None:
    assert now() <= now()
    assert abs(wall() - time.time()) < 5
