"""One BGP connection's life, as values and tables: the FSM of RFC 4271 section 8 and what hangs on it.

A session takes whole messages, TCP news and the time, and returns effects; its shell carries them out. No route
passes through this room: it opens the door for them (`Up`) and closes it (`Down`). UPDATE frames go past it into
the speaker's inbox and only re-arm the hold timer (`update_seen`).

    fsm         every state and every event: the next state, and what to do
    session     Session: payloads, deadlines and words around the table
    cause       what stands behind an event: words, the reason counted, the NOTIFICATION (RFC 4271 section 6)
    effects     what a session asks for and tells: Dial Drop Send Supersede Moved Up Down Refresh
    features    what OPEN offers by the neighbor's settings
    deadlines   named deadlines instead of timers; the neighbor's back-off
    collision   two connections at once: which one stays; which ones are let in

What it refuses: sockets, clocks, logging, routes, and the choice of peers (who may connect at all is the shell's).

How a neighbor runs its sessions
--------------------------------
A neighbor has one session that *dials*, for as long as it is configured, and at most one that was *accepted*.

1. `dialer = Session(spec, router_id, jitter)`; `dialer.start(now)`. A passive neighbor's dialer only waits, in
   Active. `dialer.listening(now)` says whether the peer may connect: not while stopped, not in a long back-off.
2. `Dial` is answered by `tcp_up` or `tcp_failed`, `Drop` by nothing: the connection no longer exists, and
   neither its frames nor its end may reach the session any more. `Drop` in Connect means: give up dialing.
3. The peer connects: ask `collision.admit(dialer.state, accepted.state or None)`.
   - REFUSE: write `refusal()`, close. No session is made.
   - REPLACE: carry out `accepted.give_way(now)` (its `Down` leads to 6), then TAKE.
   - TAKE: `accepted = Session(spec, router_id, jitter, dialer.backoff)`, `dialer.hold_back(accepted)`, and then
     carry out `accepted.accept(now)`. While held back, the dialer finishes a dial under way but begins none.
4. The two know of each other now, and resolve a collision by themselves when an OPEN or KEEPALIVE arrives. The
   one that stays says `Supersede` first: carry out `rival.give_way(now)` at once, its effects before the rest.
   Both may be on the way up, or one Established while the other waits in OpenConfirm to be chosen or closed.
   At most one is ever Established: the `Down` of one comes before the `Up` of the other.
5. Effects are carried out in order. `Moved` comes before the `Up` or `Down` that belongs to it; each TCP
   connection that came up ends with exactly one `Down`, whose `established` says whether there was an `Up`.
6. After the accepted session's `Down` it is `over`: forget it and carry out `dialer.release(now)`. The dialer
   then dials when it was due, or when the back-off that both share has passed.
7. `deadline` is when `expire(now)` is due. Where `hold_due(now)` and the kernel holds octets that were not read,
   pass `unread=True`: the peer is not silent, we are late.
8. New settings go in by `configure`, into both. What needs a new OPEN needs a `reset`, or `stop` and `start`.
9. Stop both with `stop` (Cease, with words for the peer) or `drop` (no NOTIFICATION, for a graceful restart);
   they stay down until `start`. `reset` ends a session that shall come back after its back-off.
"""
