"""What the checks conclude from what they read."""

import pytest

from bgpd.lab.checks import rights
from bgpd.lab.shell import Failed

STATUS = """Name:\tbgpd-python
Uid:\t179\t179\t179\t179
CapInh:\t0000000000000000
CapPrm:\t0000000000001400
CapEff:\t0000000000001400
CapBnd:\t0000000000001400
CapAmb:\t0000000000000000
"""


def test_rights_exactly_two() -> None:
    assert rights(STATUS) == "user 179, effective capabilities 0000000000001400 = NET_ADMIN + NET_BIND_SERVICE"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("Uid:\t179\t179", "Uid:\t0\t0", "the daemon runs as root"),
        ("CapEff:\t0000000000001400", "CapEff:\t0000000000001000", "CapEff is 0000000000001000: not exactly"),
        ("CapEff:\t0000000000001400", "CapEff:\t0000000000003400", "CapEff is 0000000000003400: not exactly"),
        ("CapBnd:\t0000000000001400", "CapBnd:\t00000000a80435fb", "CapBnd is 00000000a80435fb: not exactly"),
    ],
)
def test_rights_refused(before: str, after: str, text: str) -> None:
    with pytest.raises(Failed, match=text):
        rights(STATUS.replace(before, after))
