"""kernel: from wanted routes to the FIB, by netlink; and what the kernel tells about links and next hops.

It owns the routes that carry our protocol number, metric and table, and nothing else. How a route passes through:

    service     `submit` takes wants (prefix -> next hops, or a guard); starts and stops the others        (shell)
    tables      what is known and planned, of both families, in one place
    targets     all prefixes with the same want share a target: what its next hops come to now (gateway, interface)
    links       how a next hop is reached, and why not: links, addresses, other people's routes
    wants       what the loc-rib wants for a prefix: next hops, shares of the load, a guard
    routes      routes as the kernel has them, and the operations that change them
    plan        wanted against known: create, replace or delete; what a refusal teaches; conflicts, failures, retries
    worker      the one task that writes: chores, then batches                                             (shell)
    encode      operations as messages in one buffer; dumps, events and errors back into values
    interfaces  the same for links and addresses
    io_netlink  the sockets                                                                                (shell)
    listener    events, read in the loop                                                                   (shell)
    knowledge   what others did (events, dumps): ours taken away or changed, keys held by others, dead links
    tunnel      which prefixes are encapsulated, and what a next hop comes to then
    overlay     VXLAN devices and their entries, before the routes that use them; io_vxlan: the same in netlink (shell)
    redistribution  others' routes and our links' prefixes, for the speaker to announce as its own
    objects     nexthop objects: many routes, one thing to change
    resync      a dump takes the place of what was believed                                                (shell)
    audit       is the kernel as it should be? On demand, and slowly for ever                             (shell)
    compare     wanted, written and found: the differences, with reasons
    report      what happened and how things stand, in words; culprit: who is behind a netlink port        (shell)

What it refuses: to write over a route that is not known to be ours, to delete by anything less than protocol, table
and metric, to delete in order to add, and to install a next hop that it cannot resolve. A failure is never silent: it
has a state and a reason in the view, an event, and a retry.
"""
