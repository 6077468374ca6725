"""System calls that a trial may not make as they are: their numbers, and what comes of each.

A list of what is refused, since TensorFlow, NumPy and Python may need anything else.  Files are Landlock's affair;
here stands what it does not know: other processes, sockets, shared memory, metadata, the machine.
Numbers: `asm/unistd_64.h` for x86-64, `asm-generic/unistd.h` for arm64 (Linux' own headers).
"""

from __future__ import annotations

import errno

NUMBERS: dict[str, tuple[int, int | None]] = {
    # programs and processes
    "fork": (57, None),
    "vfork": (58, None),
    "clone": (56, 220),
    "clone3": (435, 435),
    "execve": (59, 221),
    "execveat": (322, 281),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "unshare": (272, 97),
    "setns": (308, 268),
    "ptrace": (101, 117),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    # signals
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    # limits and priorities
    "prlimit64": (302, 261),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # the network
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # shared memory and messages
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # metadata
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    # locks and devices
    "flock": (73, 32),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "open_by_handle_at": (304, 265),
    # the machine
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
    "fanotify_init": (300, 262),
    "userfaultfd": (323, 282),
}
"""By name, for x86-64 and for arm64; None where the architecture has no such call."""

PRETENDED = frozenset({
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchown", "fchownat", "utime", "utimes", "futimesat",
    "utimensat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr",
    "removexattrat", "file_setattr", "flock",
})  # fmt: skip
"""They change nothing and report success: no path can be looked at here, and a cell that copies a file may go on.

A lock is not taken either: another process would see it, or hold it.
"""

OWN_PROCESS = {
    "kill": 0, "tgkill": 0, "rt_sigqueueinfo": 0, "rt_tgsigqueueinfo": 0, "prlimit64": 0, "sched_setaffinity": 0,
    "sched_setattr": 0, "sched_setparam": 0, "sched_setscheduler": 0, "migrate_pages": 0, "move_pages": 0,
}  # fmt: skip
"""Allowed for the calling process: which argument is its identifier."""

ZERO_IS_OWN = frozenset(OWN_PROCESS) - {"kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"}
"""Those for which 0 is the calling process."""

OWN_PROCESS_BY_KIND = {"setpriority": 0, "ioprio_set": 1}
"""Allowed for the calling process, the second argument, if the first is this: else it is a group or a user."""

LOCKS = (6, 7, 37, 38)
"""Commands of fcntl(2) that take a lock, which is pretended."""
SIGNALS_BY_FILE = (8, 10, 15, 1024, 1026)
"""Commands of fcntl(2) that have signals sent: F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY."""
CHANGING_DEVICES = (
    *(0x5402, 0x5403, 0x5404, 0x5406, 0x5407, 0x5408, 0x5409, 0x540A, 0x540B, 0x540C, 0x540E, 0x5410, 0x5412, 0x5414),
    *(0x541C, 0x541D, 0x5420, 0x5423, 0x8901, 0x8902, 0x40086602, 0x40046602, 0x401C5820),
)
"""Requests of ioctl(2) that change a terminal, have signals sent, or change a file's flags."""

NOT_THERE = {"clone3": errno.ENOSYS}
"""Refused with another error: the C library then makes a thread by `clone`, whose flags can be looked at."""
