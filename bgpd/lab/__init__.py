"""The cluster lab: one topology, two drivers, one set of checks, one verdict.

    debian     programs from Debian packages, unpacked into a cache, nothing installed
    topology   the lab as values: clusters, pods, data-centre routers, wires, and what each must end up knowing
    render     every configuration file of the lab, as text made from the topology (docker/ and docker-compose.yml too)
    resources  what the clusters' owners write into their datastores
    calico     what Calico would tell the BIRD of its node
    links      wires, addresses and static routes, as iproute2 takes them
    shell      commands, streams of lines and deadlines
    driver     what a driver can do: run a program on a host of the lab, stop and start a node, watch a wire
    netns      the lab in network namespaces (root, any number of nodes)
    compose    its core in containers (`docker compose` v2 or `docker-compose` v1)
    store      the first cluster's datastore: resources in and out, blocks claimed for pods
    backend    a back end of the service address
    routes     a host's kernel routes: read, expected, and watched with the kernel's own time stamps
    packets    pings, and what tcpdump sees
    checks     what is looked at, the same for both drivers
    scenarios  what happens in a cluster's life, and what everybody makes of it
    verdict    counts the checks and ends in one line
    main       `bgpd lab up | check | down | render`

A lab is a stranger's first hour with bgpd, so everything here prints what it sees and not only what it concludes.
It refuses to touch what it did not make: namespaces, directories, containers and processes carry the lab's own name,
and a process is ended by its id together with its start time, never by its name.
"""
