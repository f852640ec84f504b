"""Why a server cannot listen where it was told to: in words, not by the number of an error."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable

__all__ = ["in_words", "rewording"]


def rewording(host: str, port: int) -> Callable[[logging.LogRecord], bool]:
    """A filter for uvicorn's log, where the error of the system stands as it came."""

    def reword(record: logging.LogRecord) -> bool:
        if isinstance(record.msg, OSError):
            record.msg = in_words(record.msg, host, port)
        return True

    return reword


def in_words(error: OSError, host: str, port: int) -> str:
    """What happened, and what to do about it."""
    match error:
        case socket.gaierror():
            return f"The host name {host!r} is not known."
        case OSError(errno=errno.EADDRINUSE):
            return (
                f"Port {port} of {host} is taken: another program listens there. "
                "End it, or choose another port; port 0 is any that is free."
            )
        case OSError(errno=errno.EADDRNOTAVAIL):
            return f"{host} is not an address of this machine; 0.0.0.0 stands for all it has."
        case OSError(errno=errno.EACCES):
            return f"Port {port} is for privileged users only. Choose one from 1024 on."
        case _:
            return f"{host}, port {port}, cannot be listened on: {error.strerror or error}."
