"""Which process works on what, and whether it may still be at it."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def owner() -> str:
    """This process, as other processes on this machine can look for it."""
    return f"{socket.gethostname()}:{os.getpid()}"


def alive(name: str) -> bool:
    """The process may still be at work; one on another machine may."""
    host, _, pid = name.rpartition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid() and not _is_zombie(pid)


def _is_zombie(pid: str) -> bool:
    """It was killed, and nobody has asked what became of it: a container may have nobody to."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] == ["Z"]
