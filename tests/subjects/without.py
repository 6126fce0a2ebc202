"""Runs a command to which the system refuses some calls (EPERM), as a container's seccomp profile does:
`without.py ptrace,unshare COMMAND ...`."""
import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {
    "x86_64": {"ptrace": 101, "unshare": 272, "reboot": 169},
    "aarch64": {"ptrace": 117, "unshare": 97, "reboot": 142},
}[platform.machine()]

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# Classic BPF (seccomp(2)): load the call's number, compare, answer.
LOAD, EQUAL, ANSWER = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM


def instruction(code, value, hit=0, miss=0):
    return struct.pack("=HBBI", code, hit, miss, value)


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


refused = [NUMBERS[name] for name in sys.argv[1].split(",")]
checks = [instruction(EQUAL, number, hit=len(refused) - at) for at, number in enumerate(refused)]
filter = b"".join([instruction(LOAD, 0), *checks, instruction(ANSWER, ALLOW), instruction(ANSWER, REFUSE)])
program = Program(len(filter) // 8, filter)
prctl = ctypes.CDLL(None, use_errno=True).prctl
if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program)):
    raise OSError(ctypes.get_errno(), "no filter can be set")
os.execvp(sys.argv[2], sys.argv[2:])
