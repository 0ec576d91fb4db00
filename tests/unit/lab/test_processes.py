"""Processes are ended by id and start time, never by a reused id."""

import os
import subprocess
from pathlib import Path

from bgpd.lab.processes import end, read_pid, start_time


def _sleeper(script: str = "exec sleep 60") -> subprocess.Popen[str]:
    return subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True)


def test_a_pid_file_names_one_process_only(tmp_path: Path) -> None:
    process = _sleeper()
    file = tmp_path / "x.pid"
    file.write_text(f"{process.pid} {start_time(process.pid)}\n")
    assert read_pid(file) == process.pid
    file.write_text(f"{process.pid} 12345\n")  # the id was given again to somebody else
    assert read_pid(file) is None
    end([process.pid])
    assert start_time(process.pid) == ""
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_no_pid_file_or_a_torn_one(tmp_path: Path) -> None:
    assert read_pid(tmp_path / "none") is None
    (tmp_path / "torn").write_text("12")
    assert read_pid(tmp_path / "torn") is None


def test_the_stubborn_are_killed() -> None:
    process = _sleeper("trap '' TERM; echo ready; while :; do sleep 0.05; done")
    assert process.stdout is not None
    process.stdout.readline()
    end([process.pid], patience=0.2)
    assert start_time(process.pid) == ""
    process.wait()
    process.stdout.close()


def test_one_that_is_gone_is_no_error() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    end([process.pid])


def test_start_time() -> None:
    assert start_time(os.getpid()).isdecimal()
    assert start_time(2**22 + 1) == ""
