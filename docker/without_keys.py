#!/usr/bin/env python3
"""Run a command that can open no file below a folder of the root, nor look into processes but its own.

    without_keys.py /keys COMMAND...

What the command loads, such as a model file, would run with the rights of the user and the group that read
Airflow's keys. Landlock (Linux 5.13 on) takes these away for good; an older kernel leaves them.
"""

import ctypes
import errno
import os
import struct
import sys
from pathlib import Path

# Numbers of the system calls, the same on every architecture, and of what they are given: linux/landlock.h
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
READ_FILE = 1 << 2
PATH_BENEATH = 1
SET_NO_NEW_PRIVS = 38
NO_LANDLOCK = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)  # not built in, switched off, or kept by seccomp

LIBC = ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: object) -> int:
    """Result of a system call. Raises: OSError."""
    result = LIBC.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def hide(folder: Path) -> None:
    """From now on let this process read files in the other folders of the root alone. Raises: OSError."""
    handled = struct.pack("=Q", READ_FILE)
    rules = call(CREATE_RULESET, handled, len(handled), 0)
    for other in sorted(Path("/").iterdir()):
        if other.is_dir() and other != folder:
            place = os.open(other, os.O_PATH | os.O_DIRECTORY)
            call(ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", READ_FILE, place), 0)
            os.close(place)
    if LIBC.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    call(RESTRICT_SELF, rules, 0)
    os.close(rules)


if __name__ == "__main__":
    try:
        hide(Path(sys.argv[1]))
    except OSError as error:
        if error.errno not in NO_LANDLOCK:
            raise
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the words of docker/vintage
