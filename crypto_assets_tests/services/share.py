"""A file system with fewer features: the kernel refuses single system calls of a command.

Network shares return EINVAL, ENOLCK or ENOTSUP for fsync of a folder, or for flock. A seccomp
filter returns the same errors, to the command and its children, for all files. It needs no
privileges, only libseccomp, on which Debian's apt depends.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Mapping

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000


def refusing(calls: Mapping[str, str], *command: str) -> list[str]:
    """Return the command that runs `command` without `calls`: {"flock": "ENOLCK"}."""
    rules = [f"{call}={name}" for call, name in calls.items()]
    return [sys.executable, "-m", __name__, *rules, "--", *command]


def _refuse(call: str, number: int, library: ctypes.CDLL, rules: ctypes.c_void_p) -> None:
    system_call = library.seccomp_syscall_resolve_name(call.encode())
    if library.seccomp_rule_add(rules, ctypes.c_uint32(_REFUSE | number), system_call, 0):
        sys.exit(f"seccomp does not accept a rule for {call}")


def main() -> None:
    """Install the filter, which exec keeps, and execute the command."""
    rules, command = sys.argv[1:], sys.argv[sys.argv.index("--") + 1 :]
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))
    for rule in rules[: rules.index("--")]:
        call, _, name = rule.partition("=")
        _refuse(call, getattr(errno, name), library, context)
    if library.seccomp_load(context):
        sys.exit("the kernel does not accept a seccomp filter")
    os.execvp(command[0], command)  # noqa: S606 - the test's own command


if __name__ == "__main__":
    main()
