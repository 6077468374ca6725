"""Where a trial stands: in the user's working folder, to read, or in a private copy of it, where it may write.

Most cells only read, and what reads is exact where the user stands, however large the folder.  A cell that writes
runs in a copy that is thrown away: folders are made anew, small files are copied, of large files and folders there
are links, and a linked file is copied once Python opens it for writing.  What follows a link and writes is refused by
Landlock; without that a copy holds no link.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

MOST_ENTRIES = 4_000
"""Files and folders in a copy; a folder with more is a link."""
SMALL = 1 << 24
"""Bytes up to which a file is copied at once."""
MOST_COPIED = 1 << 26
"""Bytes copied at once, in all."""
MOST_FILES = 500
"""Files copied at once, where others may be links."""
MOST_ON_DEMAND = 1 << 30
"""Bytes of a linked file that is copied when it is opened for writing."""
_NOT_DATA = frozenset({"node_modules", "__pycache__"})


class TooLarge(OSError):
    """A folder or file is too large to copy."""


@dataclass
class Workplace:
    """Where one trial stands.

    own       a folder of its own, which it may write and which goes with it
    users     the user's working folder, None where that is not known
    here      the current folder: `users`, or in `own` a copy of it
    refused   set once the trial was refused a write in the working folder: a copy would have allowed it
    """

    own: str
    users: str | None
    here: str
    refused: bool = field(default=False)

    @property
    def copied(self) -> bool:
        """Whether it stands in a copy."""
        return self.here != self.users

    def is_own(self, path: str) -> bool:
        """Whether a real path is in the trial's own folder."""
        return within(self.own, path)

    def is_users(self, path: str) -> bool:
        """Whether a real path is in the user's working folder."""
        return self.users is not None and within(self.users, path)

    def make_own(self, path: str, *, empty: bool = False) -> None:
        """Put a copy in the place of a link to a file, for it is about to be written; `empty` where it is cut anyway.

        Raises `TooLarge`.
        """
        folder, name = os.path.split(os.path.abspath(path))
        link = os.path.join(os.path.realpath(folder), name)
        if not self.copied or not os.path.islink(link):
            return
        if not within(self.own, os.path.dirname(link)):
            raise TooLarge(path)
        file = os.path.realpath(link)
        if within(self.own, file) or not os.path.isfile(file):
            return
        if not empty and os.path.getsize(file) > MOST_ON_DEMAND:
            raise TooLarge(path)
        os.remove(link)
        if not empty:
            shutil.copyfile(file, link)


def stand(own: str, users: str | None, *, copy: bool, links: bool) -> Workplace:
    """Return a workplace in `own`; with `copy` in a copy of the user's folder there, with links only if `links`.

    Raises `TooLarge`, and `OSError` where the user's folder cannot be read.
    """
    own = os.path.realpath(own)
    users = os.path.realpath(users) if users is not None else None
    if users is not None and not copy:
        return Workplace(own, users, users)
    here = os.path.join(own, os.path.basename(users or "") or "folder")
    os.mkdir(here)
    if users is not None:
        _Copy(frozenset({own, os.path.dirname(own)}), links).fill(users, here)
    return Workplace(own, users, here)


def within(folder: str, path: str) -> bool:
    """Whether a path is `folder` or in it; both are real paths."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


@dataclass
class _Copy:
    """`leave_out` are the folders of the trials, which may lie in the one that is copied."""

    leave_out: frozenset[str]
    links: bool
    entries: int = 0
    files: int = 0
    size: int = 0

    def fill(self, source: str, target: str) -> None:
        """Copy what is in `source`, level by level."""
        waiting = deque([(source, target)])
        while waiting:
            folder, copy = waiting.popleft()
            entries = self._entries(folder)
            if entries is None and (folder == source or not self.links):
                raise TooLarge(folder)
            if entries is None:
                os.rmdir(copy)
                os.symlink(folder, copy)
                continue
            for entry in entries:
                path = os.path.join(copy, entry.name)
                if self._is_folder(entry):
                    os.mkdir(path)
                    waiting.append((entry.path, path))
                else:
                    self._other(entry, path)

    def _entries(self, folder: str) -> list[os.DirEntry[str]] | None:
        """Return what is in a folder; None if that is too much."""
        room = MOST_ENTRIES - self.entries
        with os.scandir(folder) as entries:
            found = list(islice(self._wanted(entries), room + 1))
        if len(found) > room:
            return None
        self.entries += len(found)
        return found

    def _wanted(self, entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        return (entry for entry in entries if entry.path not in self.leave_out)

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_dir(follow_symlinks=not self.links) or not os.access(entry.path, os.R_OK | os.X_OK):
            return False
        return not (entry.name.startswith(".") or entry.name in _NOT_DATA)

    def _other(self, entry: os.DirEntry[str], path: str) -> None:
        """Copy or link a file; link a link, or a folder that is not looked into; leave out pipes and devices."""
        status = self._status(entry)
        if status is None:
            return
        if stat.S_ISREG(status.st_mode) and os.access(entry.path, os.R_OK):
            size = status.st_size
            fits = not self.links or (size <= SMALL and self.files < MOST_FILES)
            if fits and self.size + size <= MOST_COPIED:
                self.files += 1
                self.size += size
                shutil.copy2(entry.path, path)
                return
            if not self.links:
                raise TooLarge(entry.path)
        if self.links and (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            os.symlink(entry.path, path)

    def _status(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        with contextlib.suppress(OSError):  # a link that leads nowhere, or a file that has just gone
            return entry.stat()
        return None
