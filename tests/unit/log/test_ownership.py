"""Locks that say whose process is alive; in doubt it is."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tidewire.log.ownership import OwnerLocks


def test_who_holds_a_lock_is_alive_and_dead_when_it_is_given_back(tmp_path: Path) -> None:
    ours, theirs = OwnerLocks(tmp_path), OwnerLocks(tmp_path)
    theirs.hold("them")
    assert not ours.is_dead("them") and not theirs.is_dead("them")
    theirs.release()
    assert ours.is_dead("them")
    theirs.hold("them")  # as a log that is opened again
    assert not ours.is_dead("them")


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "dead").touch()
    assert OwnerLocks(tmp_path).is_dead("dead")
    assert not list(tmp_path.iterdir())


def test_who_hangs_is_dead_when_his_lease_has_run_out_and_he_has_missed_his_turns(
    tmp_path: Path,
) -> None:
    ours, theirs = OwnerLocks(tmp_path), OwnerLocks(tmp_path)
    theirs.hold("them")
    seen = [ours.dead({"them": 15.0}, now) for now in (5.0, 10.0, 15.0, 20.0)]
    assert seen == [set(), set(), set(), {"them"}]
    assert ours.dead({"them": 35.0}, 60.0) == set()  # he is back; the clock has jumped
    theirs.release()


def test_a_lease_that_is_seen_for_the_first_time_may_be_renewed(tmp_path: Path) -> None:
    ours, theirs = OwnerLocks(tmp_path), OwnerLocks(tmp_path)
    theirs.hold("them")
    assert [ours.dead({"them": 15.0}, 60.0) for _ in range(3)] == [set(), set(), {"them"}]
    theirs.release()


def test_who_cannot_be_asked_about_is_not_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OwnerLocks(tmp_path).hold("them")

    def refuse(*_: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", refuse)
    assert not OwnerLocks(tmp_path).is_dead("them")


def test_asking_leaves_no_file_open(tmp_path: Path) -> None:
    ours, theirs = OwnerLocks(tmp_path), OwnerLocks(tmp_path)
    theirs.hold("them")
    (tmp_path / "dead").touch()
    assert not ours.is_dead("them") and ours.is_dead("dead")
    with pytest.raises(OSError):
        ours.hold("them")
    links = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.exists()]
    assert [link for link in links if link.startswith(str(tmp_path))] == [str(tmp_path / "them")]
