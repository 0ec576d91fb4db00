"""Any bytes: only WireError leaves a decoder, any cut of a stream frames alike, and no fault is forgotten."""

from collections.abc import Callable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bgpd.wire.attrs import AttrsTable, format_attr
from bgpd.wire.capability import Negotiated, decode_capabilities
from bgpd.wire.errors import Fault, Severity, WireError
from bgpd.wire.family import FAMILIES, IPV4, IPV6, Family
from bgpd.wire.framing import MARKER, Framer
from bgpd.wire.iana import describe
from bgpd.wire.message import Notification, Open, Update, decode, decode_update
from bgpd.wire.nlri import decode_nlri, decode_nlri_with_ids
from bgpd.wire.prefix import format_address, format_prefix, mask
from bgpd.wire.scan import decode_block
from bgpd.wire.writer import encode_notification, encode_open, encode_updates
from tests.property import wire_strategies as ws


def survives(frame: bytes, session: Negotiated) -> object:
    """The value, or the WireError; and everything a person may ask of either can be said."""
    try:
        message = decode(frame, session)
    except WireError as error:
        return refusal(error)
    if isinstance(message, Open):
        assert all(capability.describe() for capability in message.capabilities)
    elif isinstance(message, Notification):
        assert message.describe()
    elif isinstance(message, Update):
        check(message, session)
    return message


def refusal(error: WireError) -> WireError:
    """A WireError that can be sent and told."""
    assert describe(error.code, error.subcode) in str(error)
    assert len(encode_notification(error.code, error.subcode, error.data)) <= 4096
    return error


def check(update: Update, session: Negotiated) -> None:
    """What the rooms further in rely on."""
    for fault in update.faults:
        assert fault.severity is not Severity.RESET
        assert fault.text
        assert describe(3, fault.subcode)
    worst = max([fault.severity for fault in update.faults], default=Severity.DISCARD)
    for batch in update.batches:
        assert batch.family in session.families
        assert batch.announced or batch.withdrawn
        assert (batch.attrs is not None) is bool(batch.announced)
        if worst is Severity.WITHDRAW:
            assert not batch.announced
        for item in batch.announced + batch.withdrawn:
            prefix = item[4:] if batch.family in session.add_path_receive else item  # RFC 7911: the identifier first
            assert prefix == mask(prefix)
            assert len(prefix) == 1 + (prefix[0] + 7) // 8
            assert prefix[0] <= batch.family.bits
            assert format_prefix(batch.family, prefix)
        if batch.attrs is not None:
            attrs = batch.attrs
            sizes = (16, 32) if session.extended_next_hop or batch.family is not IPV4 else ()
            assert len(attrs.next_hop) in (batch.family.octets, *sizes)
            classic = len(attrs.next_hop) == 4
            assert format_address(attrs.next_hop)
            items = attrs.items()
            assert [code for _, code, _ in items] == sorted({code for _, code, _ in items})
            assert not {14, 15, 17, 18} & {code for _, code, _ in items}
            assert (attrs.get(3) == attrs.next_hop) is classic
            for _, code, value in items:
                assert isinstance(format_attr(code, value), str)
            faults: list[Fault] = []  # canonical: read again, nothing is wrong and nothing changes
            hop = b"" if classic else attrs.next_hop
            again = decode_block(attrs.raw, hop, session.external, True, True, faults)
            assert again is not None
            assert not faults
            assert again.raw is attrs.raw


def frame_of(kind: int, body: bytes) -> bytes:
    return MARKER + min(19 + len(body), 65535).to_bytes(2, "big") + bytes((kind,)) + body


@given(st.integers(0, 6), st.binary(max_size=120), ws.sessions())
def test_random_bodies(kind: int, body: bytes, session: Negotiated) -> None:
    survives(frame_of(kind, body), session)


@given(st.binary(max_size=60), ws.sessions())
def test_random_frames(frame: bytes, session: Negotiated) -> None:
    survives(frame, session)


@st.composite
def odd_updates(draw: st.DrawFn) -> bytes:
    """UPDATEs of plausible parts in implausible combinations."""
    parts = draw(st.lists(ws.raw_attribute, max_size=6))
    family = draw(st.sampled_from([IPV4, IPV6]))
    if draw(st.booleans()):
        parts += [part for part in split(draw(ws.attribute_sets(family)).raw) if draw(st.integers(0, 9))]
    hop = draw(st.one_of(ws.next_hops(family), st.binary(max_size=33)))
    nlri = b"".join(draw(st.lists(ws.prefixes(family), max_size=3)))
    head = bytes((0, draw(st.sampled_from([1, 2, 2, 3])), draw(st.sampled_from([1, 1, 1, 2]))))
    for _ in range(draw(st.integers(0, 2))):
        value = head + bytes((len(hop),)) + hop + b"\x00" + nlri
        parts.append(bytes((draw(st.sampled_from([0x80, 0x80, 0xC0])), 14, len(value))) + value)
    if draw(st.booleans()):
        parts.append(bytes((0x80, 15, 3 + len(nlri))) + head + nlri)
    parts = draw(st.permutations(parts))
    attributes = b"".join(parts) + draw(st.sampled_from([b"", b"", b"", b"\xc0", b"\xc0\x08\xff", b"\xd0\x08\x00"]))
    plain = b"".join(draw(st.lists(ws.prefixes(IPV4), max_size=3)))
    gone = b"".join(draw(st.lists(ws.prefixes(IPV4), max_size=2)))
    lengths = len(gone).to_bytes(2, "big"), len(attributes).to_bytes(2, "big")
    return frame_of(2, lengths[0] + gone + lengths[1] + attributes + plain)


def split(raw: bytes) -> list[bytes]:
    parts = []
    while raw:
        size = 4 + int.from_bytes(raw[2:4], "big") if raw[0] & 0x10 else 3 + raw[2]
        parts.append(raw[:size])
        raw = raw[size:]
    return parts


@given(odd_updates(), ws.sessions())
def test_odd_updates(frame: bytes, session: Negotiated) -> None:
    survives(frame, session)


@given(odd_updates(), ws.sessions(), st.randoms(use_true_random=False))
def test_mutated_updates(frame: bytes, session: Negotiated, random: Random) -> None:
    survives(mutate(frame, random), session)


@given(ws.opens(), ws.sessions(), st.randoms(use_true_random=False))
def test_mutated_opens(message: Open, session: Negotiated, random: Random) -> None:
    survives(mutate(encode_open(message), random), session)


def mutate(frame: bytes, random: Random) -> bytes:
    """Some octets changed, inserted or lost behind the header."""
    body = bytearray(frame[19:])
    for _ in range(random.randint(1, 4)):
        if not body:
            break
        at = random.randrange(len(body))
        action = random.randrange(4)
        if action == 0:
            body[at] = random.choice([0, 1, 2, 4, 127, 128, 255, random.randrange(256)])
        elif action == 1:
            body[at] ^= 1 << random.randrange(8)
        elif action == 2:
            del body[at : at + random.randint(1, 8)]
        else:
            body[at:at] = random.randbytes(random.randint(1, 8))
    return frame[:19] + bytes(body)


def outcome(frame: bytes, session: Negotiated, table: AttrsTable) -> list[object]:
    try:
        update = decode_update(frame, session, table)
    except WireError as error:
        return [error.code, error.subcode, error.data, error.text]
    said: list[object] = [update.end_of_rib]
    for batch in update.batches:
        raw = (batch.attrs.raw, batch.attrs.next_hop, batch.attrs.med) if batch.attrs is not None else None
        said.append((batch.family.name, batch.announced, batch.withdrawn, raw))
    said.extend([(fault.severity, fault.code, fault.subcode, fault.text, fault.data) for fault in update.faults])
    return said


@given(st.lists(odd_updates(), min_size=1, max_size=4), st.lists(ws.sessions(), min_size=1, max_size=3))
def test_what_is_interned_never_changes_an_answer(frames: list[bytes], sessions: list[Negotiated]) -> None:
    """A table full of other sessions' sets and of earlier faults answers as an empty one does, again and again."""
    shared = AttrsTable()
    for _ in range(2):
        for session in sessions:
            for frame in frames:
                assert outcome(frame, session, shared) == outcome(frame, session, AttrsTable())


@given(st.data(), st.lists(odd_updates(), max_size=4), st.binary(max_size=40))
def test_every_cut_of_a_stream_frames_alike(data: st.DataObject, frames: list[bytes], garbage: bytes) -> None:
    stream = b"".join(frames) + garbage
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert feed(pieces) == feed([stream]) == feed([stream[i : i + 1] for i in range(len(stream))])


def feed(pieces: list[bytes]) -> tuple[list[bytes], object]:
    framer, frames = Framer(), []
    for piece in pieces:
        framer.feed(piece)
        try:
            while (frame := framer.next_frame()) is not None:
                frames.append(frame)
        except WireError as error:
            return frames, (error.code, error.subcode, error.data)
    return frames, None


Decoder = Callable[[bytes], object]
_DECODERS: list[Decoder] = [
    decode_capabilities,
    lambda data: decode_nlri(data, 0, len(data), 32),
    lambda data: decode_nlri(data, 0, len(data), 128),
    lambda data: decode_nlri_with_ids(data, 0, len(data), 32),
    lambda data: decode_block(data, b"", False, True, True, []),
    lambda data: decode_block(data, b"", True, False, True, []),
    lambda data: decode_block(data, bytes(16), True, True, False, []),
]


@given(st.binary(max_size=80), st.sampled_from(_DECODERS))
def test_every_decoder_alone(data: bytes, decoder: Decoder) -> None:
    try:
        decoder(data)
    except WireError as error:
        refusal(error)


@given(st.data(), st.sampled_from(FAMILIES))
def test_a_cut_update_never_announces_what_was_not_sent(data: st.DataObject, family: Family) -> None:
    """A message that lost its tail, but whose header was mended, may be refused or withdrawn, not misread."""
    session = Negotiated()
    attrs = data.draw(ws.attribute_sets(family))
    prefixes = data.draw(st.lists(ws.prefixes(family), min_size=1, max_size=5))
    for frame in encode_updates(family, attrs, prefixes, session):
        cut = frame[: data.draw(st.integers(23, len(frame)))]
        found = survives(cut[:16] + len(cut).to_bytes(2, "big") + cut[18:], session)
        if isinstance(found, Update):
            for batch in found.batches:
                assert set(batch.announced) <= set(prefixes)
