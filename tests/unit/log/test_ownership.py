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
