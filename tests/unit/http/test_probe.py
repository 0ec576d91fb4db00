"""The health check of a container."""

import asyncio
import socket
import sys

import pytest

from bgpd.http.probe import main, probe, target
from bgpd.http.service import Health, HttpService
from tests.unit.http.sample import SamplePages


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9179/healthz", ("127.0.0.1", 9179, "/healthz")),
        ("http://0.0.0.0:9179/healthz", ("127.0.0.1", 9179, "/healthz")),
        ("http://[::]:9179/readyz?verbose", ("::1", 9179, "/readyz?verbose")),
        ("http://[fd00::1]:1/", ("fd00::1", 1, "/")),
        ("http://node1", ("node1", 80, "/")),
        ("http://:9179/healthz", ("127.0.0.1", 9179, "/healthz")),
    ],
)
def test_targets(url: str, expected: tuple[str, int, str]) -> None:
    assert target(url) == expected


def test_wrong_urls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["https://x/"]) == 1
    assert main(["http://x:port/"]) == 1
    assert "no port" in capsys.readouterr().out


async def test_yes_and_no(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pages = SamplePages()
    service = HttpService(("127.0.0.1", 0), pages=pages)
    await service.start()
    monkeypatch.setenv("BGPD_METRICS", f"0.0.0.0:{service.port}")
    assert await asyncio.to_thread(main, []) == 0
    assert "200 OK: ok: loop stalls" in capsys.readouterr().out
    pages.well = Health(loop_stall=0.0, stalled="no turn for 12 s")
    assert await asyncio.to_thread(main, []) == 1
    assert "no turn for 12 s" in capsys.readouterr().out
    assert await asyncio.to_thread(main, [f"http://127.0.0.1:{service.port}/nowhere"]) == 1
    await service.stop()
    assert await asyncio.to_thread(main, []) == 1
    assert "refused" in capsys.readouterr().out


def test_silence_and_nonsense_are_a_no() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts in the kernel, never answers
        well, text = probe(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.05)
    assert (well, "timed out" in text) == (False, True)


async def test_an_answer_that_is_no_http() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\xff\xff 200")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert (await asyncio.to_thread(probe, f"http://127.0.0.1:{port}/"))[0] is False


async def test_it_starts_with_little() -> None:
    code = "import sys, bgpd.http.probe; print(*sorted(sys.modules))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    loaded = set((await process.communicate())[0].decode().split())
    assert not {"asyncio", "http.client", "urllib.request", "prometheus_client", "dataclasses"} & loaded
