"""wire: bytes in, values out; values in, bytes out.

The only room that knows what a BGP message looks like. A TCP stream enters `framing.Framer`, which cuts it into whole
messages. `message.decode` turns a frame into a value; UPDATEs go through `update.decode_update`, the hot path, which
yields batches: a family, the prefixes withdrawn and announced, and one interned `attrs.Attrs`. On the way out
`writer` fills UPDATEs to the negotiated limit.

Nothing here does I/O, knows a clock or holds the state of a session; what a session agreed on arrives as
`capability.Negotiated`. Inside and below this room a prefix is its NLRI bytes and an address is its packed bytes.

It refuses by RFC 4271 section 6 and RFC 7606, with the least that is enough: an attribute is discarded, the routes of
an UPDATE are withdrawn, or a `WireError` ends the session. A WireError *is* the NOTIFICATION to send, and it is the
only exception that leaves a decoder, whatever the bytes.
"""
