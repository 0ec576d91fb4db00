"""What an operator does to one neighbor: enable, disable, reset, and reset softly, over the control socket only.

A neighbor that was disabled stays down until it is enabled, through reloads, too; a restart of the daemon forgets it.
Soft means that the session stays: `in` judges the stored routes again and asks the peer for its routes anew where it
can be asked; `out` tells the peer everything again.
"""

from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.speaker import Speaker
from bgpd.wire.iana import Cease


def enable(speaker: Speaker, neighbor: Neighbor, now: float) -> str:
    """Let it come up, at once even in back-off. The answer says what was done, as all of these do."""
    was = neighbor.disabled
    neighbor.enable(now)
    _done(speaker, neighbor, "enabled", now)
    return f"{neighbor.spec.name} is enabled" + ("" if was else ", as it was")


def disable(speaker: Speaker, neighbor: Neighbor, text: str, now: float) -> str:
    """Cease, Administrative Shutdown, with words for the peer's operator (RFC 9003); down until `enable`."""
    why = "disabled by an operator" + (f": {text}" if text else "")
    neighbor.hold_down(now, why, Cease.ADMINISTRATIVE_SHUTDOWN, text)
    _done(speaker, neighbor, why, now)
    return f"{neighbor.spec.name} is disabled until 'bgpctl enable {neighbor.spec.name}'"


def reset(speaker: Speaker, neighbor: Neighbor, text: str, now: float) -> str:
    """Cease, Administrative Reset, and up again at once. Raises ValueError for one that is disabled."""
    if neighbor.disabled:
        raise ValueError(f"{neighbor.spec.name} is down: {neighbor.disabled}; 'enable' brings it up")
    neighbor.stop(now, Cease.ADMINISTRATIVE_RESET, text)
    neighbor.start(now)
    _done(speaker, neighbor, "reset by an operator" + (f": {text}" if text else ""), now)
    return f"{neighbor.spec.name} was reset"


def soft_in(speaker: Speaker, neighbor: Neighbor, now: float) -> str:
    """Judge what it gave again, and ask it to give it again. Raises ValueError where there is no session."""
    _established(neighbor)
    speaker.judge_again(neighbor, now)
    asked = [family.name for family in neighbor.ribs if speaker.refresh_in(neighbor, family)]
    _done(speaker, neighbor, "soft reset in by an operator", now)
    also = (
        f", and the peer is asked for them again ({', '.join(asked)})" if asked else "; the peer cannot be asked again"
    )
    return f"the stored routes of {neighbor.spec.name} are judged again{also}"


def soft_out(speaker: Speaker, neighbor: Neighbor, now: float) -> str:
    """Tell it everything again. Raises ValueError where there is no session."""
    _established(neighbor)
    speaker.tell_again(neighbor)
    _done(speaker, neighbor, "soft reset out by an operator", now)
    return f"{neighbor.spec.name} is told everything again"


def _established(neighbor: Neighbor) -> None:
    if neighbor.live is None:
        raise ValueError(f"{neighbor.spec.name} is {neighbor.state.label}: there is no session to refresh")


def _done(speaker: Speaker, neighbor: Neighbor, what: str, now: float) -> None:
    speaker.acted(neighbor, what, now)
