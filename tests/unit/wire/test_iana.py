from bgpd.wire import attrs, iana


def test_describe_uses_the_words_of_the_rfcs() -> None:
    assert iana.describe(6, 2) == "Cease: Administrative Shutdown"
    assert iana.describe(4, 0) == "Hold Timer Expired"
    assert iana.describe(2, 1) == "OPEN Message Error: Unsupported Version Number"


def test_describe_knows_what_it_does_not_know() -> None:
    assert iana.describe(3, 99) == "UPDATE Message Error: subcode 99"
    assert iana.describe(99, 0) == "Error code 99"
    assert iana.describe(99, 7) == "Error code 99: subcode 7"


def test_every_error_subcode_has_words() -> None:
    enums = {
        1: iana.HeaderError,
        2: iana.OpenError,
        3: iana.UpdateError,
        5: iana.FsmError,
        6: iana.Cease,
        7: iana.RouteRefreshError,
    }
    for code, enum in enums.items():
        for subcode in enum:
            if subcode:
                assert "subcode" not in iana.describe(code, subcode), (code, subcode)


def test_the_plain_numbers_of_attrs_are_the_registry() -> None:
    for code in iana.AttrCode:
        assert getattr(attrs, code.name) == code
        assert code in attrs.ATTRS


def test_labels() -> None:
    assert iana.MessageType.ROUTE_REFRESH.label == "ROUTE-REFRESH"
    assert [origin.label for origin in iana.Origin] == ["IGP", "EGP", "incomplete"]
