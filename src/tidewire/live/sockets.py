"""The same bytes to many sockets: what every live event goes through last.

In C where that could be built (``_sockets.c``): once per viewer, Python would add a tenth
to the cost of a delivery (bench/fanout). Elsewhere in Python, to the same effect.
"""

from __future__ import annotations

import os
from array import array

__all__ = ["send_to_all", "send_to_all_in_python"]


def send_to_all_in_python(sockets: array[int], data: bytes) -> list[tuple[int, int]]:
    """Sends ``data`` to each socket, in order; none of them may block.

    ``sockets`` are file descriptors, of type code ``i``. Gives those that did not take
    everything: their places in ``sockets``, from 0, and how many bytes they took. One that
    is broken took nothing; who writes the rest to it will learn why. Never raises OSError.
    """
    short: list[tuple[int, int]] = []
    size = len(data)
    for place, socket in enumerate(sockets):
        try:
            taken = os.write(socket, data)
        except OSError:
            taken = 0
        if taken != size:
            short.append((place, taken))
    return short


try:
    from tidewire.live._sockets import send_to_all
except ImportError:
    send_to_all = send_to_all_in_python
