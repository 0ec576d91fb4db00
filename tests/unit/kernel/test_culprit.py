"""Who is behind a netlink port, by a /proc of our own making."""

from pathlib import Path

from bgpd.kernel.culprit import Culprits

HEAD = "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode\n"


def proc(tmp_path: Path, sockets: dict[int, str], processes: dict[int, tuple[str, str]]) -> Culprits:
    """`sockets`: port -> inode; `processes`: pid -> (name, inode that it has open)."""
    net = tmp_path / "thread-self" / "net"
    net.mkdir(parents=True)
    lines = "".join(f"0000 0 {port} 00000000 0 0 0 2 0 {inode}\n" for port, inode in sockets.items())
    (net / "netlink").write_text(HEAD + "0000 15 77 00000001 0 0 0 2 0 1\n" + lines)
    for pid, (name, inode) in processes.items():
        (tmp_path / str(pid) / "fd").mkdir(parents=True)
        (tmp_path / str(pid) / "comm").write_text(name + "\n")
        (tmp_path / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
    return Culprits(tmp_path)


def test_the_kernel_itself() -> None:
    assert Culprits().who(0) == "the kernel"


def test_a_process_whose_id_is_the_port(tmp_path: Path) -> None:
    assert proc(tmp_path, {70: "900"}, {70: ("zebra", "900")}).who(70) == "zebra (pid 70)"


def test_a_closed_socket_leaves_a_guess(tmp_path: Path) -> None:
    assert proc(tmp_path, {}, {70: ("ip", "900")}).who(70) == "probably ip (pid 70)"


def test_a_random_port_is_found_by_its_inode(tmp_path: Path) -> None:
    culprits = proc(tmp_path, {3906937968: "901"}, {71: ("felix", "901"), 72: ("sh", "5")})
    assert culprits.who(3906937968) == "felix (pid 71, netlink port 3906937968)"


def test_a_number_that_is_another_process_is_not_blamed(tmp_path: Path) -> None:
    """A port that happens to be somebody's process id, while its socket belongs to somebody else."""
    assert proc(tmp_path, {72: "901"}, {71: ("felix", "901"), 72: ("sh", "5")}).who(72).startswith("felix (pid 71,")


def test_nobody_to_be_seen(tmp_path: Path) -> None:
    assert "out of sight (netlink port 9)" in proc(tmp_path, {}, {}).who(9)


def test_only_a_few_looks_a_second(tmp_path: Path) -> None:
    culprits = proc(tmp_path, {}, {70: ("ip", "900")})
    words = [culprits.who(port) for port in range(100, 110)]
    assert words[-1] == "netlink port 109"
    assert culprits.who(100) == words[0]  # remembered


def test_a_name_seen_in_time_is_not_lost(tmp_path: Path) -> None:
    culprits = proc(tmp_path, {}, {70: ("ip", "900")})
    culprits.glance(70)
    (tmp_path / "70" / "comm").unlink()
    assert culprits.who(70) == "probably ip (pid 70)"
