"""TCP, socket options and the clock: the shell around the speaker.

What it owns: the listening sockets, the dialling of neighbors, one `Transport` a TCP connection, and the
`Engine` that gives the speaker its turns. A transport only frames: bytes in, whole messages out to the
speaker, which alone decides what they mean. A source that is no configured neighbor is closed before any
state is made for it. Nothing heavy happens in a callback: UPDATEs wait in the speaker's inbox for a turn.

    io_tcp     Listener, Dialer, Transport (asyncio.BufferedProtocol, reads of at most 64 KiB)
    io_loop    the event loop: a bounded look at the sockets, and a stopwatch between two looks
    engine     speaker turns of 5 ms, timers: the only caller of Speaker.run
    memory     the cyclic collector, by hand
    sockopt    TCP MD5, TTL and the other options, each with its reason
    tcp_ao     TCP-AO as the kernel has it, and whether it has
    keys       who signs with which key; what the kernel lacks for a configuration
    on_link    who is on the link of an unnumbered neighbor
    discover   router id, local addresses, next hop candidates, from the system
    ports      who holds a port, for the error message
"""
