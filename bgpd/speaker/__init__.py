"""The owner: one object, one writer, all routing state.

Shells bring octets, connections, timers and next-hop news as method calls with `now`; the speaker answers
through the ports (`ports.py`) and by log lines and events. It owns every neighbor, the loc-ribs, the update
groups and what the FIB shall hold; nobody else writes any of these.

A route's way through this room: `Speaker.frame` gives OPEN, KEEPALIVE, NOTIFICATION and ROUTE-REFRESH to the
neighbor's session at once and puts UPDATEs into the `Inbox`, counted in octets per neighbor; above the high
mark the transport stops reading. `Speaker.run` takes UPDATEs round-robin by neighbor, decodes each to a batch,
asks the import chain, applies it to the loc-rib, and hands the changes to the update groups and to the FIB;
then it goes on with the jobs (long walks in slices) and flushes the groups. A turn ends when its budget does.

What it refuses: sockets, clocks, logging, files. `views.py` and `query.py` answer questions and change nothing.

    speaker    Speaker: the verbs of shells, and the turn
    inbox      UPDATE frames waiting, per neighbor; XOFF and XON
    neighbor   one configured neighbor: two sessions at most, one arbiter
    dynamic    neighbors that come from listen ranges, and go
    limits     how many routes a neighbor may give, and be told
    defaults   a default route for those who want one from us
    jobs       resumable walks
    tables     per family: loc-rib, update groups, FIB wants
    refresh    everything again, asked for or given (RFC 2918, 7313)
    reconcile  old spec, new spec -> the smallest steps
    query      read-only questions -> views
    ports      what the speaker asks of its shells
"""
