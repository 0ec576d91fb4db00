"""The owner: one object, one writer, all routing state.

Shells bring octets, connections, timers and next-hop news as method calls with `now`; the speaker answers
through the ports (`ports.py`) and by log lines and events. It owns every neighbor, the loc-ribs, the update
groups and what the FIB shall hold; nobody else writes any of these. `speaker.py` is the verbs and the turn; the
work is done by its parts, which share one `Holdings`.

A route's way through this room: `Speaker.frame` gives OPEN, KEEPALIVE, NOTIFICATION and ROUTE-REFRESH to the
neighbor's session at once and puts UPDATEs into the `Inbox`, counted in octets per neighbor; above the high
mark the transport stops reading. In a turn (`Speaker.run`) the `Intake` takes UPDATEs round-robin by neighbor,
decodes each to a batch, asks the import chain, applies it to the loc-rib, and hands the changes to the update
groups and to the FIB; then it goes on with the jobs (long walks in slices) and flushes the groups. A turn ends when
its budget does.

What it refuses: sockets, clocks, logging, files. `views.py` and `query.py` answer questions and change nothing.

    speaker    Speaker: the verbs of shells, and the turn
    holdings   what the parts share: tables, neighbors, ports, the moment
    intake     UPDATEs through import policy into the loc-rib; next hops; memory
    inbox      UPDATE frames waiting, per neighbor; XOFF and XON
    roster     who the neighbors are: they come, change and go
    sessions   what becomes of a session: queue, tables, log
    joining    a session into sources, chains and update groups; other rules on one that stays
    completion has everything been said? End-of-RIB, convergence, the end of our restart
    watching   events for those who watch
    neighbor   one configured neighbor: two sessions at most, one arbiter
    refresh    everything again, asked for or given (RFC 2918, 7313)
    retention  routes that outlive their session: graceful restart, the helper's half
    recovery   coming back: graceful restart, the restarter's half
    handover   is what leaving neighbors gave there from others?
    dynamic    neighbors that come from listen ranges, and go
    limits     how many routes a neighbor may give, and be told
    defaults   a default route for those who want one from us
    redistribution  routes of the kernel as routes of ours
    jobs       resumable walks
    tables     per family: loc-rib, update groups, FIB wants
    policing   where policy meets the tables
    faults     what was wrong in UPDATEs; how much memory a neighbor's attributes take
    schedule   when to look at which neighbor's timers
    reconcile  old spec, new spec -> the smallest steps
    admin      what an operator does to one neighbor
    query      read-only questions -> views
    events     what those who watch are told
    ports      what the speaker asks of its shells
"""
