"""Two connections with one peer: which one stays (RFC 4271 section 6.8, RFC 6286 section 2.3).

Both sides may dial at the same moment; both must close the *same* connection without talking about it. The
rule: the connection stays that was opened by the side with the larger router id, or, where the ids are equal,
the larger AS number. It is applied when an OPEN arrives and the other connection is in OpenConfirm.

Section 6.8 adds that an Established connection wins over a new one. Taken alone, that has a hole: one side
may be Established on connection A while the other, still in OpenConfirm on A, receives the OPEN of B and closes
A in favor of B, just as the first closes B. Both connections die. Two additions close the hole between two
speakers of this kind (the tests visit every interleaving), and agree with a peer that knows only the RFC:

- An Established session refuses a *later* connection before it says OPEN (`admit`). The peer cannot resolve a
  collision by an OPEN that it never gets.
- Where both connections were there before one became Established, and the other one was dialed by the side
  with the larger id, that one may be the peer's choice. It is carried on beside the Established one: the peer's
  NOTIFICATION ends one of the two, or the peer's KEEPALIVE on it shows that it was chosen (`Verdict.BOTH`).

With a peer that follows the letter one case remains: it is Established on A when section 6.8 still orders us, in
OpenConfirm, to close A. We obey, and both sides dial again a few seconds later.

Everything here is pure: states and ids in, a verdict out.
"""

from enum import Enum
from typing import Final

from bgpd.session.fsm import State


class Verdict(Enum):
    """What becomes of the connection that just received an OPEN (the new one) and of the other one."""

    BOTH = "no collision yet: go on with both"
    NEW = "the new connection stays, the other one is closed"
    OLD = "the other connection stays, the new one is closed"


class Admission(Enum):
    """What becomes of a connection that the peer just opened."""

    TAKE = "welcome"
    REPLACE = "welcome; the connection accepted before, on which the peer never said OPEN, is closed"
    REFUSE = "closed: a session is established, or another accepted connection is about to be"


def local_wins(local_router_id: bytes, remote_router_id: bytes, local_asn: int, remote_asn: int) -> bool:
    """Whether connections that this side dialed are the ones to stay.

    Router ids are 4 octets in network order, which compare like the unsigned numbers they are. Both sides get
    opposite answers, as long as (router id, AS) differ; equal ones never come this far (OPEN error 2/3).
    """
    return (local_router_id, local_asn) > (remote_router_id, remote_asn)


def resolve(
    local_router_id: bytes,
    remote_router_id: bytes,
    local_asn: int,
    remote_asn: int,
    *,
    new_dialed: bool,
    other: State,
    reopened: bool = False,
) -> Verdict:
    """Which connection stays, asked when an OPEN arrives on one (`new`) while the neighbor has another.

    `new_dialed`: this side opened the new connection; the other one was then opened by the peer.
    `other`: the state of the other connection. `reopened`: the peer opened the new one and knows graceful restart,
    so that an Established other one may be a thing of its past (RFC 4724 section 5): its KEEPALIVE will tell.
    """
    if other not in _IN_THE_WAY:
        return Verdict.BOTH  # its OPEN is not in: whoever gets an OPEN second resolves it
    new_wins = local_wins(local_router_id, remote_router_id, local_asn, remote_asn) == new_dialed
    if other is State.ESTABLISHED:
        return Verdict.BOTH if new_wins or reopened else Verdict.OLD
    return Verdict.NEW if new_wins else Verdict.OLD


_IN_THE_WAY: Final = (State.OPEN_CONFIRM, State.ESTABLISHED)


def admit(dialing: State | None, accepted: State | None, *, restarts: bool = False) -> Admission:
    """Whether to take a connection that the peer opened, by the states of those that the neighbor has.

    `dialing`, `accepted`: the states of the connection that we dial and of the one accepted before; None: none.
    `restarts`: a session is Established with a peer that asked us to keep its routes while it restarts. A new
    connection of its may then mean that it did (RFC 4724 section 5). Where we dialed the old one, the new one is
    tried beside it, since the peer may just have dialed late. Where the peer had dialed that one as well, it has
    forgotten it: it dials one at a time.
    """
    if restarts and State.ESTABLISHED in (dialing, accepted):
        if accepted is State.ESTABLISHED:
            return Admission.REPLACE
        return Admission.TAKE if accepted is None or accepted <= State.ACTIVE else Admission.REPLACE
    if dialing is State.ESTABLISHED:
        return Admission.REFUSE
    if accepted is None or accepted <= State.ACTIVE:
        return Admission.TAKE
    # The peer dials one connection at a time. If it dials again before its OPEN, the first one is dead to it.
    return Admission.REPLACE if accepted is State.OPEN_SENT else Admission.REFUSE
