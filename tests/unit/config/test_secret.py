"""A password file; how it looks inside a configuration is in test_build."""

from pathlib import Path

import pytest

from bgpd.config.secret import read_ao_keys, read_secret


def test_one_newline_is_dropped_and_spaces_stay(tmp_path: Path) -> None:
    file = tmp_path / "key"
    for written, read in ((b"a b \n", b"a b "), (b"x", b"x"), (b"x\r\n", b"x"), (b"\x00\xff", b"\x00\xff")):
        file.write_bytes(written)
        file.chmod(0o600)
        assert read_secret(str(file)) == (read, "")


def test_a_nul_in_the_name_is_no_crash() -> None:
    with pytest.raises(ValueError, match=r"^cannot read a\x00b: embedded null byte$"):
        read_secret("a\0b")


def test_ao_keys(tmp_path: Path) -> None:
    path = tmp_path / "ao"
    path.write_text("# rack1\n1 2 hmac-sha-1-96 first key\n3 4 aes-128-cmac-96 other\n")
    path.chmod(0o400)
    keys, doubt = read_ao_keys(str(path))
    assert not doubt
    assert [(key.send_id, key.receive_id, key.algorithm, key.secret) for key in keys] == [
        (1, 2, "hmac-sha-1-96", b"first key"),
        (3, 4, "aes-128-cmac-96", b"other"),
    ]
    assert "first" not in repr(keys)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no key"),
        ("1 2 hmac-sha-1-96\n", "ao:1: expected SEND-ID RECEIVE-ID ALGORITHM KEY, got 3 words"),
        ("1 256 hmac-sha-1-96 x\n", "ao:1: a key id is a number from 0 to 255"),
        ("1 2 md5 x\n", "ao:1: expected hmac-sha-1-96 or aes-128-cmac-96, got 'md5'"),
        ("1 2 hmac-sha-1-96 " + "x" * 81, "longer than 80 octets"),
        ("1 2 hmac-sha-1-96 x\n1 3 hmac-sha-1-96 y\n", "ao:2: each id may be there once"),
    ],
)
def test_ao_keys_that_are_none(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "ao"
    path.write_text(text)
    with pytest.raises(ValueError, match=why):
        read_ao_keys(str(path))
