"""What the system says of an address that cannot be listened on, in words."""

from __future__ import annotations

import errno
import logging
import socket

import pytest

from tidewire.server.unbound import in_words, rewording


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EADDRINUSE, "x"), "Port 80 of ::1 is taken: another program"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "::1 is not an address of this machine"),
        (OSError(errno.EACCES, "x"), "Port 80 is for privileged users"),
        (socket.gaierror(-2, "x"), "The host name '::1' is not known."),
        (OSError(errno.ENOBUFS, "No room"), "::1, port 80, cannot be listened on: No room."),
    ],
)
def test_each_reason_has_its_words(error: OSError, said: str) -> None:
    assert in_words(error, "::1", 80).startswith(said)


def test_other_lines_of_the_log_stay_as_they_are() -> None:
    record = logging.makeLogRecord({"msg": "Waiting for %s", "args": ("Godot",)})
    assert rewording("::1", 80)(record)
    assert record.getMessage() == "Waiting for Godot"
