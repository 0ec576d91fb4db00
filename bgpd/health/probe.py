"""One question: does it answer? The answer is empty for yes, or why not, in words."""

import asyncio
import contextlib
import os
import signal
from typing import Final

from bgpd.cluster.own import HealthCheck, HttpCheck, TcpCheck
from bgpd.wire.prefix import format_address

_STATUS: Final = range(200, 400)
_LINE: Final = 4096  #: octets of a status line that are looked at


async def ask(check: HealthCheck) -> str:
    """Ask once. Never raises but CancelledError, and never takes longer than the check's timeout."""
    try:
        async with asyncio.timeout(check.timeout):
            if check.tcp is not None:
                return await _tcp(check.tcp)
            if check.http is not None:
                return await _http(check.http)
            return await _command(check.command)
    except TimeoutError:
        return f"no answer within {check.timeout:g} s"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except ValueError as error:
        return str(error)


async def _tcp(check: TcpCheck) -> str:
    _, writer = await asyncio.open_connection(format_address(check.address), check.port)
    await _close(writer)
    return ""


async def _http(check: HttpCheck) -> str:
    address = format_address(check.address)
    host = check.host or (f"[{address}]" if ":" in address else address)
    reader, writer = await asyncio.open_connection(address, check.port, limit=_LINE)
    try:
        request = f"GET {check.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bgpd\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        await writer.drain()
        words = (await reader.readline()).split()
    finally:
        await _close(writer)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return "what answers does not speak HTTP"
    return "" if int(words[1]) in _STATUS else f"HTTP status {int(words[1])}"


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _command(argv: tuple[str, ...]) -> str:
    """A command, in a process group of its own, of which nothing is left when its time is over."""
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
    )
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return "" if code == 0 else f"{argv[0]} ended with {code}"
