"""The file that outlives a run which did not end by a shutdown."""

from pathlib import Path

from bgpd.net.marker import Marker


def test_a_restart_is_known_by_the_mark_and_a_shutdown_by_its_absence(tmp_path: Path) -> None:
    path = str(tmp_path / "run" / "bgpd.sock.unclean")
    assert not Marker(path).set()
    assert Marker(path).set()
    Marker(path).remove()
    assert not Marker(path).set()


def test_where_nothing_can_be_written_there_is_no_mark_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    marker = Marker(str(tmp_path / "file" / "mark"))
    assert not marker.set()
    assert not marker.set()
    marker.remove()
