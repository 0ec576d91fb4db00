"""One driver a daemon: `OTHERS` are the real daemons of Debian 12, `ours.Ours` is the one under test."""

from typing import Final

from tests.interop.drivers.base import Driver
from tests.interop.drivers.bird1 import Bird1
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.exabgp import Exabgp
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.gobgp import Gobgp
from tests.interop.drivers.openbgpd import Openbgpd

OTHERS: Final[tuple[type[Driver], ...]] = (Bird2, Bird1, Frr, Gobgp, Openbgpd, Exabgp)
