"""The cluster: what one node does, worked out from the resources that all nodes share.

What it owns. The resources of a cluster (Calico's `projectcalico.org/v3`, MetalLB's `metallb.io`, and kinds of our
own) as frozen values; the one decoder that makes them of YAML and of the JSON that stands in etcd; the selector
grammar; and the decision: `Snapshot` + name of a node -> `NodePlan`, a value that says every session, every
announcement and every rule. What is wrong with a resource becomes a `Problem` with its field and its reason, and
takes away that one object, never the rest.

    problem    what is wrong with a resource, in words
    shapes     how a piece of a resource is read and printed: one small value a kind of piece
    scalars    numbers, names, addresses, durations: text -> value
    resources  Calico's kinds: one frozen class and one table of keys each
    metallb    MetalLB's kinds
    own        kinds of our own: service addresses, what is tuned for a peer, cluster-wide switches
    kinds      the table of all kinds: where each is read from, and by what names it goes
    decode     text -> resources
    selector   Calico's label selectors
    snapshot   all resources at one moment, judged together

How a value passes through: `decode` (or a datastore, with the same shapes) -> `Snapshot` -> `plan` -> either `render`,
for people, or `specs`, for the speaker. One code, so that what is printed is what is done. From one plan to the next,
`handover` keeps what is still needed of the old one.

What it refuses: everything that it does not understand. An unknown key is a problem with the nearest right one
beside it; what this daemon cannot do is refused by name, with the reason.
"""
