"""The same bytes to many sockets, in C and in Python: real sockets, read and counted."""

from __future__ import annotations

import socket
from array import array
from collections.abc import Callable, Iterator

import pytest

from tidewire.live import sockets
from tidewire.live.sockets import send_to_all_in_python

SendToAll = Callable[["array[int]", bytes], list[tuple[int, int]]]


@pytest.fixture(params=["as built", "in Python"])
def send_to_all(request: pytest.FixtureRequest) -> SendToAll:
    return send_to_all_in_python if request.param == "in Python" else sockets.send_to_all


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Our end, which does not block, and the other."""
    made = [socket.socketpair() for _ in range(5)]
    for ours, theirs in made:
        ours.setblocking(False)
        theirs.setblocking(False)
    yield made
    for ours, theirs in made:
        ours.close()
        theirs.close()


def descriptors(pairs: list[tuple[socket.socket, socket.socket]]) -> array[int]:
    return array("i", [ours.fileno() for ours, _ in pairs])


def test_here_it_is_built_in_c() -> None:
    assert sockets.send_to_all is not send_to_all_in_python, "run scripts/setup dev"


def test_every_socket_gets_all_of_it(
    send_to_all: SendToAll, pairs: list[tuple[socket.socket, socket.socket]]
) -> None:
    assert send_to_all(descriptors(pairs), b"data: \x00\xff\n\n") == []
    assert [theirs.recv(100) for _, theirs in pairs] == [b"data: \x00\xff\n\n"] * 5


def test_no_sockets(send_to_all: SendToAll) -> None:
    assert send_to_all(array("i"), b"data") == []


def test_who_takes_less_is_named_with_what_it_took(
    send_to_all: SendToAll, pairs: list[tuple[socket.socket, socket.socket]]
) -> None:
    ours, _ = pairs[1]
    with pytest.raises(BlockingIOError):
        while True:
            ours.send(bytes(4096))  # full
    left = pairs[3][1]
    left.close()  # broken
    gone = descriptors(pairs)
    gone[4] = 1 << 20  # no socket at all
    assert send_to_all(gone, b"data") == [(1, 0), (3, 0), (4, 0)]
    assert [pairs[place][1].recv(100) for place in (0, 2)] == [b"data"] * 2


def test_a_socket_that_takes_a_part_says_how_much(
    send_to_all: SendToAll, pairs: list[tuple[socket.socket, socket.socket]]
) -> None:
    data = bytes(8 * 1024 * 1024)  # more than any socket has room for
    taken = dict(send_to_all(descriptors(pairs), data))
    assert list(taken) == [0, 1, 2, 3, 4]
    assert all(0 < size < len(data) for size in taken.values())
    for (_, theirs), size in zip(pairs, taken.values(), strict=True):
        assert _read_all(theirs) == size


def test_what_is_no_bytes_is_refused(send_to_all: SendToAll) -> None:
    for wrong in ("text", None):
        with pytest.raises(TypeError):
            send_to_all(array("i", [0]), wrong)  # type: ignore[arg-type]


def _read_all(end: socket.socket) -> int:
    size = 0
    while True:
        try:
            size += len(end.recv(1 << 20))
        except BlockingIOError:
            return size
