"""The daemon as a process: starting, refusing, reloading, stopping. On loopback, without a kernel."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bgpd.net import tcp_ao

Lines = list[dict[str, Any]]


class Daemon:
    """One `python -m bgpd` with JSON logs."""

    def __init__(self, process: Process, control: Path) -> None:
        self.process = process
        self.control = control
        self.lines: Lines = []

    async def until(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next log line for which `what` holds."""
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while line := await self.process.stderr.readline():
                fields: dict[str, Any] = json.loads(line)
                self.lines.append(fields)
                if what(fields):
                    return fields
        raise AssertionError(f"the daemon ended: {self.lines}")

    async def event(self, name: str) -> dict[str, Any]:
        return await self.until(lambda fields: fields["event"] == name)

    async def established(self) -> dict[str, Any]:
        return await self.until(lambda fields: fields.get("new") == "Established")

    async def ctl(self, *words: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bgpd.cli.main", "--control", str(self.control), "--json", *words, stdout=PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return json.loads(out)


@pytest.fixture
def port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.8", 0))
        return int(sock.getsockname()[1])


@contextlib.asynccontextmanager
async def run(tmp_path: Path, name: str, *arguments: str) -> AsyncIterator[Daemon]:
    control = tmp_path / f"{name}.sock"
    fixed = ("--no-kernel", "--metrics", "off", "--control", str(control), "--log-format", "json")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("BGPD_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bgpd", *fixed, *arguments, stderr=PIPE, env=environ
    )
    daemon = Daemon(process, control)
    try:
        yield daemon
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if process.stderr is not None:
            await process.stderr.read()


def common(address: str, port: int) -> tuple[str, ...]:
    return ("--router-id", address, "--listen", f"{address}:{port}", "--log-level", "debug")


def peer(address: str, port: int, source: str) -> tuple[str, str]:
    timers = "connect-retry-time=0.2,idle-hold-min=0.2,idle-hold-max=0.5"
    return ("--peer", f"{address},port={port},source-address={source},{timers}")


async def test_two_daemons_exchange_and_part(tmp_path: Path, port: int) -> None:
    a_flags = (*common("127.0.0.8", port), *peer("127.0.0.2", port, "127.0.0.8"), "--announce", "10.244.1.0/24")
    b_flags = (*common("127.0.0.2", port), *peer("127.0.0.8", port, "127.0.0.2"), "--announce", "10.244.2.0/24")
    async with run(tmp_path, "a", *a_flags) as a, run(tmp_path, "b", *b_flags) as b:
        await a.established()
        await b.established()
        routes: Lines = []
        async with asyncio.timeout(20):
            while len(routes) < 2:
                routes = await a.ctl("show", "route")
        assert {r["prefix"]: r["source"] for r in routes} == {"10.244.1.0/24": "local", "10.244.2.0/24": "127.0.0.2"}
        (sent,) = await a.ctl("show", "route", "advertised", "127.0.0.2")
        assert sent["prefix"] == "10.244.1.0/24"
        status = await a.ctl("show", "status")
        assert status["established"] == 1
        b.process.send_signal(signal.SIGTERM)
        assert await b.process.wait() == 0
        down = await a.until(lambda fields: fields.get("old") == "Established" and "Collision" not in fields["reason"])
        # Hard Reset: the peer shall not keep our routes, as it would after another NOTIFICATION (RFC 8538)
        assert down["reason"] == "received NOTIFICATION Cease: Hard Reset (Cease: Administrative Shutdown)"


async def test_on_stop_restart_closes_without_a_word(tmp_path: Path, port: int) -> None:
    a_flags = (*common("127.0.0.8", port), *peer("127.0.0.2", port, "127.0.0.8"))
    b_flags = (*common("127.0.0.2", port), *peer("127.0.0.8", port, "127.0.0.2"), "--on-stop", "restart")
    async with run(tmp_path, "a", *a_flags) as a, run(tmp_path, "b", *b_flags) as b:
        await a.established()
        await b.established()
        b.process.send_signal(signal.SIGTERM)
        assert await b.process.wait() == 0
        down = await a.until(lambda fields: fields.get("old") == "Established" and "Collision" not in fields["reason"])
        assert "NOTIFICATION" not in down["reason"]
        assert down["reason"] in ("the peer closed the connection", "the peer reset the connection")


async def test_reload_adds_a_neighbor_and_refuses_a_mistake(tmp_path: Path, port: int) -> None:
    config = tmp_path / "bgpd.yaml"
    first = f"peer:\n  - {{address: 127.0.0.2, port: {port}, source-address: 127.0.0.8, connect-retry-time: 0.2}}\n"
    config.write_text(first)
    a_flags = (*common("127.0.0.8", port), "-c", str(config))
    b_flags = (*common("127.0.0.2", port), *peer("127.0.0.8", port, "127.0.0.2"))
    async with run(tmp_path, "a", *a_flags) as a, run(tmp_path, "b", *b_flags) as b:
        await a.established()
        await b.established()
        (neighbor,) = await a.ctl("show", "neighbors")
        before = (neighbor["since"], neighbor["established_count"])
        config.write_text(f"{first}  - {{address: 127.0.0.3, port: {port}, asn: 65001, import: all, export: own}}\n")
        a.process.send_signal(signal.SIGHUP)
        assert (await a.event("reloaded"))["changes"] == 1
        config.write_text(first + "  - {address: nonsense}\n")
        a.process.send_signal(signal.SIGHUP)
        refused = await a.event("reload_refused")
        assert "bgpd.yaml:3" in refused["reason"]
        neighbors = await a.ctl("show", "neighbors")
        assert [n["address"] for n in neighbors] == ["127.0.0.2", "127.0.0.3"]
        assert (neighbors[0]["since"], neighbors[0]["established_count"]) == before  # never flapped


async def finish(*arguments: str) -> tuple[int | None, str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("BGPD_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bgpd", *arguments, stderr=PIPE, stdout=PIPE, env=environ
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


async def test_a_port_in_use_is_refused_with_its_holder(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.5", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, text = await finish(
            "--no-kernel", "--metrics", "off", "--router-id", "127.0.0.5", "--listen", f"127.0.0.5:{port}",
            "--control", str(tmp_path / "x.sock"),
        )  # fmt: skip
    assert code == 1
    assert f"port is in use by PID {os.getpid()}" in text


async def test_a_control_socket_in_use_is_refused(tmp_path: Path, port: int) -> None:
    async with run(tmp_path, "a", *common("127.0.0.8", port)) as a:
        await a.event("started")
        code, text = await finish(
            "--no-kernel", "--metrics", "off", "--router-id", "127.0.0.6", "--listen", f"127.0.0.6:{port}",
            "--control", str(a.control),
        )  # fmt: skip
    assert code == 1
    assert str(a.control) in text


async def test_without_rights_on_the_kernel(tmp_path: Path, port: int) -> None:
    flags = ("--metrics", "off", "--router-id", "127.0.0.7", "--listen", f"127.0.0.7:{port}")
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", sys.executable, "-m", "bgpd",
        *flags, "--control", str(tmp_path / "x.sock"), stderr=PIPE,
    )  # fmt: skip
    async with asyncio.timeout(20):
        _, err = await process.communicate()
    assert process.returncode == 1
    assert b"CAP_NET_ADMIN" in err


async def test_what_the_kernel_lacks_is_refused_at_start_and_by_a_reload(tmp_path: Path, port: int) -> None:
    """TCP-AO where CONFIG_TCP_AO is not set; a kernel that has it takes the neighbor."""
    key = tmp_path / "ao"
    key.write_text("1 1 hmac-sha-1-96 secret\n")
    key.chmod(0o400)
    config = tmp_path / "bgpd.yaml"
    config.write_text("peer: []\n")
    missing = tcp_ao.probe()
    async with run(tmp_path, "a", *common("127.0.0.8", port), "-c", str(config)) as daemon:
        await daemon.event("started")
        config.write_text(f"peer:\n  - {{address: 127.0.0.2, ao-key-file: {key}}}\n")
        daemon.process.send_signal(signal.SIGHUP)
        answer = await daemon.until(lambda fields: fields["event"] in ("reloaded", "reload_refused"))
        assert (answer["event"] == "reload_refused") == bool(missing)
        assert missing in answer.get("reason", "")
    if missing:
        flags = ("--no-kernel", "--metrics", "off", "--control", str(tmp_path / "x.sock"))
        code, text = await finish(*flags, *common("127.0.0.8", port), "-c", str(config))
        assert (code, text) == (1, f"bgpd: peer 127.0.0.2: ao-key-file: {missing}\n")


async def test_an_unnumbered_neighbor_needs_raw_sockets(tmp_path: Path, port: int) -> None:
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw", sys.executable, "-m", "bgpd", "--no-kernel",
        "--metrics", "off", "--control", str(tmp_path / "x.sock"), *common("127.0.0.8", port),
        "--peer", "interface=lo,asn=external,import=all,export=own", stderr=PIPE,
    )  # fmt: skip
    async with asyncio.timeout(20):
        _, err = await process.communicate()
    assert process.returncode == 1
    assert b"peer lo: interface: looking for an unnumbered neighbor needs CAP_NET_RAW" in err


async def test_an_operator_takes_a_session_down_and_up(tmp_path: Path, port: int) -> None:
    a_flags = (*common("127.0.0.8", port), *peer("127.0.0.2", port, "127.0.0.8"))
    b_flags = (*common("127.0.0.2", port), *peer("127.0.0.8", port, "127.0.0.2"))
    async with run(tmp_path, "a", *a_flags) as a, run(tmp_path, "b", *b_flags) as b:
        await a.established()
        await b.established()
        assert "is disabled" in (await a.ctl("disable", "127.0.0.2", "back", "at", "noon"))["result"]
        down = await b.until(lambda fields: fields.get("old") == "Established")
        assert "back at noon" in down["reason"]
        assert (await a.ctl("show", "neighbor", "127.0.0.2"))["disabled"] == "disabled by an operator: back at noon"
        await a.ctl("enable", "127.0.0.2")
        await a.established()


async def test_check_and_mistakes() -> None:
    code, text = await finish("--check", "--asn", "64513", "--router-id", "10.0.0.1")
    assert code == 0
    assert "asn: 64513" in text
    assert "flag --asn" in text
    code, text = await finish("--asn", "0", "--pear=10.0.0.1")
    assert code == 2
    assert text.count("bgpd: ") == 2
