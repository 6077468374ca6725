# ruff: noqa: E501  an effect is a line, however long
"""A small world outside of a trial, side effects on it by the hundred, and what can be seen of them there.

Each effect is a piece of a cell.  `World.state` tells all that the effects touch; an effect was seen if that changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import itertools
import os
import resource
import signal
import socket
import sqlite3
import struct
import subprocess
import termios
from collections.abc import Sequence
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

_NAME, _SECONDS = "convside", "31.41592"
"""In the effects: what processes and shared memory are called, how long programs sleep.  Each world has its own."""
_numbers = itertools.count(1)


class World:
    """Files, a database, a named pipe, sockets, shared memory and a process, of which effects are seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        number = next(_numbers) % 1000
        self.name, self.seconds = f"cs{os.getpid()}x{number}", f"31.{os.getpid()}{number:03}"
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._files()
        self._pipe = os.open(folder / "pipe", os.O_RDWR | os.O_NONBLOCK)
        os.write(self._pipe, b"0123456789")
        self._sockets: dict[str, socket.socket] = {"udp": socket.socket(type=socket.SOCK_DGRAM)}
        self._sockets["udp"].bind(("127.0.0.1", 0))
        self._sockets["tcp"] = socket.create_server(("127.0.0.1", 0))
        self._sockets["unix"] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sockets["unix"].bind(str(folder / "unix"))
        for each in self._sockets.values():
            each.setblocking(False)
        self._memory = shared_memory.SharedMemory(create=True, size=64)
        self._key = 0x10000000 + os.getpid() * 100_000 % 0x60000000 + number * 10
        self._segment = self._libc.shmget(self._key, 64, 0o1666)
        self._victim = subprocess.Popen(["sleep", "100000"], start_new_session=True)
        self.before = self.state()

    def _files(self) -> None:
        (self.folder / "dir" / "inner").mkdir(parents=True)
        (self.folder / "empty").mkdir()
        for name in ("file", "other", "dir/one", "dir/inner/two"):
            (self.folder / name).write_text("old\n" * 20)
        os.mkfifo(self.folder / "pipe")
        with contextlib.closing(sqlite3.connect(self.folder / "base.db")) as base, base:
            base.execute("create table t (n)")
        import h5py
        import numpy as np

        with h5py.File(self.folder / "data.h5", "w") as data:
            data["x"] = np.zeros(3)
        np.save(self.folder / "array.npy", np.zeros(30))
        with contextlib.suppress(OSError):
            os.setxattr(self.folder / "file", "user.mark", b"1")

    @property
    def prelude(self) -> str:
        """What each effect may name."""
        return (
            "import contextlib, ctypes, os, signal, socket, subprocess, sys\n"
            f"W = {str(self.folder)!r}; F = W + '/file'; D = W + '/dir'; B = F.encode(); NAME = {self.name!r}\n"
            f"UDP = ('127.0.0.1', {self._port('udp')}); TCP = ('127.0.0.1', {self._port('tcp')}); UNIX = W + '/unix'\n"
            f"SHM = {self._memory.name!r}; KEY = {self._key}; PID = {self._victim.pid}; SLEEP = ['sleep', {self.seconds!r}]\n"
            "C = ctypes.CDLL(None)\n"
            "def linger():\n"
            "    import time\n"
            "    C.prctl(15, NAME.encode(), 0, 0, 0); C.setsid(); time.sleep(30); os._exit(0)\n"
        )

    def _port(self, name: str) -> int:
        return int(self._sockets[name].getsockname()[1])

    def state(self) -> dict[str, Any]:
        """All that effects change."""
        found: dict[str, Any] = {f"file {path}": facts for path, facts in self._tree()}
        found["pipe"] = struct.unpack("i", fcntl.ioctl(self._pipe, termios.FIONREAD, b"1234"))[0]
        for name, each in self._sockets.items():
            found[name] = _arrivals(each)
        found["shared memory"] = bytes(self._memory.buf)
        found["memory files"] = sorted(n for n in os.listdir("/dev/shm") if self.name in n or n == self._memory.name)
        for kind in ("shm", "sem", "msg"):
            lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]
            mine = [line.split()[:5] for line in lines if int(line.split()[0]) in range(self._key, self._key + 10)]
            found[f"SysV {kind}"] = [line if kind == "msg" else line[:3] for line in mine]
        self._libc.shmat.restype = ctypes.c_void_p
        at = self._libc.shmat(self._segment, None, 0)
        there = at != ctypes.c_size_t(-1).value
        found["segment"] = ctypes.string_at(at, 64) if there else None
        if there:
            self._libc.shmdt(ctypes.c_void_p(at))
        pid = self._victim.pid
        found["process"] = (
            self._victim.poll(),
            *((os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid), os.sched_getscheduler(pid),
               resource.prlimit(pid, resource.RLIMIT_NOFILE), os.getpgid(pid), self._libc.syscall(252, 1, pid))
              if self._victim.poll() is None else ()),
        )  # fmt: skip
        found["processes"] = len(self.started())
        return found

    def _tree(self) -> list[tuple[str, Any]]:
        found = []
        for path in sorted(self.folder.rglob("*")):
            facts = path.lstat()
            marks = [(n, os.getxattr(path, n)) for n in os.listxattr(path, follow_symlinks=False) if path.is_file()]
            text = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
            found.append((str(path.relative_to(self.folder)),
                          (facts.st_mode, facts.st_uid, facts.st_gid, facts.st_mtime_ns, facts.st_nlink, marks, text)))  # fmt: skip
        return found

    def started(self) -> list[int]:
        """The processes that effects started and that live."""
        found = []
        for name in filter(str.isdecimal, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
                is_one = Path(f"/proc/{name}/comm").read_text().strip() == self.name
                if state != "Z" and (is_one or self.seconds.encode() in Path(f"/proc/{name}/cmdline").read_bytes()):
                    found.append(int(name))
        return found

    def changed(self) -> tuple[str, ...]:
        """What is not as it was at first."""
        now = self.state()
        return tuple(key for key in self.before.keys() | now.keys() if self.before.get(key) != now.get(key))

    def close(self) -> None:
        """End all that the effects started, and the world with it."""
        for pid in self.started():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self._victim.kill()
        self._victim.wait()
        os.close(self._pipe)
        for each in self._sockets.values():
            each.close()
        self._memory.close()
        with contextlib.suppress(FileNotFoundError):
            self._memory.unlink()
        self._libc.shmctl(self._segment, 0, None)


def _arrivals(receiver: socket.socket) -> int:
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            if receiver.type == socket.SOCK_STREAM:
                receiver.accept()[0].close()
            else:
                receiver.recv(100)
            count += 1
    return count


FILES = """
open(F, 'w').close()
open(F, 'a').write('x')
open(F, 'r+').write('x')
open(W + '/new', 'w').write('x')
open(W + '/new', 'x').write('x')
os.close(os.open(W + '/new', os.O_CREAT | os.O_WRONLY))
os.write(os.open(F, os.O_WRONLY), b'x')
os.pwrite(os.open(F, os.O_RDWR), b'x', 3)
os.ftruncate(os.open(F, os.O_RDWR), 1)
os.posix_fallocate(os.open(F, os.O_RDWR), 0, 4000)
os.write(os.open('file', os.O_WRONLY, dir_fd=os.open(W, os.O_RDONLY)), b'x')
os.open('new', os.O_CREAT | os.O_WRONLY, dir_fd=os.open(W, os.O_RDONLY))
os.sendfile(os.open(F, os.O_WRONLY), os.open(W + '/array.npy', os.O_RDONLY), 0, 10)
os.copy_file_range(os.open(W + '/array.npy', os.O_RDONLY), os.open(F, os.O_WRONLY), 10)
os.truncate(F, 1)
os.remove(F)
os.unlink(F)
os.unlink('file', dir_fd=os.open(W, os.O_RDONLY))
os.rename(F, W + '/new')
os.replace(F, W + '/other')
os.rename('file', 'new', src_dir_fd=os.open(W, os.O_RDONLY), dst_dir_fd=os.open(W, os.O_RDONLY))
os.mkdir(W + '/new')
os.mkdir('new', dir_fd=os.open(W, os.O_RDONLY))
os.makedirs(W + '/a/b/c')
os.rmdir(W + '/empty')
os.rmdir('empty', dir_fd=os.open(W, os.O_RDONLY))
os.link(F, W + '/new')
os.link('file', 'new', src_dir_fd=os.open(W, os.O_RDONLY), dst_dir_fd=os.open(W, os.O_RDONLY))
os.symlink(F, W + '/new')
os.symlink(F, 'new', dir_fd=os.open(W, os.O_RDONLY))
os.symlink(F, 'way'); open('way', 'w').close()
os.link(F, 'way'); open('way', 'w').close()
os.mkfifo(W + '/new')
os.mknod(W + '/new')
os.chdir(W); open('new', 'w').close()
os.chdir(W); os.remove('file')
os.fchdir(os.open(W, os.O_RDONLY)); open('new', 'w').close()
open(f'/proc/self/cwd/../../../../../../../../../..{W}/new', 'w').close()
open(f'/proc/{os.getpid()}/root{W}/new', 'w').close()
import pathlib; pathlib.Path(F).write_text('x')
import pathlib; pathlib.Path(F).touch()
import pathlib; pathlib.Path(F).unlink()
import pathlib; pathlib.Path(F).rename(W + '/new')
import pathlib; pathlib.Path(W, 'new').mkdir()
import pathlib; pathlib.Path(W, 'new').symlink_to(F)
import pathlib; pathlib.Path(W, 'new').hardlink_to(F)
import pathlib; pathlib.Path(W, 'empty').rmdir()
import shutil; shutil.rmtree(D)
import shutil; shutil.move(F, W + '/new')
import shutil; shutil.move(F, 'here')
import shutil; shutil.copy(F, W + '/new')
import shutil; shutil.copy2(F, W + '/new')
import shutil; shutil.copyfile(W + '/array.npy', F)
import shutil; shutil.copytree(D, W + '/new')
import shutil; shutil.make_archive(W + '/new', 'zip', D)
import tempfile; tempfile.NamedTemporaryFile(dir=W, delete=False)
import tempfile; tempfile.mkdtemp(dir=W)
import tempfile; os.close(tempfile.mkstemp(dir=W)[0])
import io; io.open(F, 'w').close()
import io; io.FileIO(F, 'w').close()
import codecs; codecs.open(F, 'w', 'utf-8').close()
import fileinput; [print('x') for _ in fileinput.input(F, inplace=True)]
import mmap; m = mmap.mmap(os.open(F, os.O_RDWR), 0); m[0] = 88; m.flush()
import json; json.dump([1], open(F, 'w'))
import pickle; pickle.dump([1], open(F, 'wb'))
import csv; csv.writer(open(F, 'a')).writerow([1])
import zipfile; zipfile.ZipFile(W + '/new', 'w').close()
import tarfile; tarfile.open(W + '/new', 'w').add(F)
import gzip; gzip.open(W + '/new', 'w').write(b'x')
import bz2; bz2.open(W + '/new', 'w').write(b'x')
import lzma; lzma.open(W + '/new', 'w').write(b'x')
import logging; logging.FileHandler(W + '/new').emit(logging.LogRecord('a', 1, 'b', 1, 'c', (), None))
import configparser; configparser.ConfigParser().write(open(W + '/new', 'w'))
import py_compile; open('m.py', 'w').close(); py_compile.compile('m.py', W + '/new')
import concurrent.futures as c; c.ThreadPoolExecutor(1).submit(lambda: open(F, 'a').write('x')).result()
import threading; t = threading.Thread(target=os.remove, args=(F,)); t.start(); t.join()
import asyncio; asyncio.run(asyncio.to_thread(os.remove, F))
sys.stdout = open(W + '/new', 'w'); print('x', flush=True)
exec(compile("open(F, 'w')", 'x', 'exec'))
"""

DATABASES = """
import sqlite3; b = sqlite3.connect(W + '/base.db'); b.execute('insert into t values (1)'); b.commit()
import sqlite3; b = sqlite3.connect(W + '/base.db'); b.execute('pragma journal_mode=wal'); b.execute('create table u (n)'); b.commit()
import sqlite3; b = sqlite3.connect(W + '/new.db'); b.execute('create table u (n)'); b.commit()
import sqlite3; b = sqlite3.connect(':memory:'); b.execute('attach ? as o', (W + '/base.db',)); b.execute('insert into o.t values (1)'); b.commit()
import sqlite3; b = sqlite3.connect(W + '/base.db'); b.execute('vacuum into ?', (W + '/new.db',))
import sqlite3; b = sqlite3.connect(':memory:'); b.backup(sqlite3.connect(W + '/base.db'))
import dbm.dumb; d = dbm.dumb.open(W + '/new'); d['a'] = 'b'; d.close()
import shelve; s = shelve.open(W + '/new'); s['a'] = 1; s.close()
"""

SCIENCE = """
import numpy as np; np.save(W + '/array.npy', np.ones(3))
import numpy as np; np.savez(W + '/new.npz', np.ones(3))
import numpy as np; np.savetxt(W + '/new', np.ones(3))
import numpy as np; np.ones(3).tofile(W + '/new')
import numpy as np; np.ones(3).dump(W + '/new')
import numpy as np; m = np.memmap(F, mode='r+'); m[0] = 1; m.flush()
import numpy as np; m = np.load(W + '/array.npy', mmap_mode='r+'); m[0] = 5; m.flush()
import numpy as np; m = np.lib.format.open_memmap(W + '/new', 'w+', shape=(3,)); m.flush()
import pandas as pd; pd.DataFrame({'a': [1]}).to_csv(W + '/new')
import pandas as pd; pd.DataFrame({'a': [1]}).to_pickle(W + '/new')
import pandas as pd; pd.DataFrame({'a': [1]}).to_json(W + '/new')
import pandas as pd, sqlite3; pd.DataFrame({'n': [1]}).to_sql('t', sqlite3.connect(W + '/base.db'), if_exists='append')
import PIL.Image; PIL.Image.new('L', (3, 3)).save(W + '/new.png')
import h5py; h5py.File(W + '/new.h5', 'w').close()
import h5py; f = h5py.File(W + '/data.h5', 'a'); f['x'][0] = 5; f.close()
import h5py; f = h5py.File(W + '/data.h5', 'r+'); f['y'] = [1]; f.close()
import h5py; h5py.File(W + '/data.h5', 'w').close()
import h5py; f = h5py.File(W + '/new.h5', 'w', driver='stdio'); f.close()
import h5py; f = h5py.File(W + '/new%d.h5', 'w', driver='family', memb_size=1000); f['x'] = [1]; f.close()
import h5py; f = h5py.File(W + '/new.h5', 'w', driver='core'); f['x'] = [1]; f.close()
"""

TENSORFLOW = """
tf.io.write_file(F, 'x')
tf.io.gfile.GFile(F, 'w').write('x')
g = tf.io.gfile.GFile(F, 'a'); g.write('x'); g.close()
tf.io.gfile.copy(F, W + '/new')
tf.io.gfile.copy(W + '/array.npy', F, overwrite=True)
tf.io.gfile.rename(F, W + '/new')
tf.io.gfile.remove(F)
tf.io.gfile.mkdir(W + '/new')
tf.io.gfile.makedirs(W + '/new/a')
tf.io.gfile.rmtree(D)
w = tf.io.TFRecordWriter(W + '/new'); w.write(b'x'); w.close()
tf.io.write_graph(tf.Graph().as_graph_def(), W, 'new.pb')
tf.print('x', output_stream='file://' + F)
tf.train.Checkpoint(a=tf.Variable(1)).save(W + '/new')
tf.train.Checkpoint(a=tf.Variable(1)).write(W + '/new')
tf.train.CheckpointManager(tf.train.Checkpoint(a=tf.Variable(1)), W + '/new', 1).save()
tf.saved_model.save(tf.Module(), W + '/new')
tf.data.Dataset.range(3).save(W + '/new')
list(tf.data.Dataset.range(3).cache(W + '/new'))
list(tf.data.Dataset.range(3).snapshot(W + '/new'))
list(tf.data.Dataset.range(3).map(lambda x: (tf.io.write_file(F, 'y'), x)[1]))
tf.function(lambda: tf.io.write_file(F, 'y'))()
s = tf.summary.create_file_writer(W + '/new'); s.set_as_default(); tf.summary.scalar('a', 1, 1); s.close()
tf.debugging.experimental.enable_dump_debug_info(W + '/new')
tf.profiler.experimental.start(W + '/new'); tf.profiler.experimental.stop()
tf.py_function(lambda: open(F, 'a').write('x'), [], tf.int32)
tf.numpy_function(lambda: os.remove(F), [], [])
tf.raw_ops.WriteFile(filename=F, contents='x')
tf.raw_ops.Save(filename=W + '/new', tensor_names=['a'], data=[tf.zeros(1)])
tf.raw_ops.SaveV2(prefix=W + '/new', tensor_names=['a'], shape_and_slices=[''], tensors=[tf.zeros(1)])
keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(W + '/new.keras')
keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(W + '/new.h5')
keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save_weights(W + '/new.weights.h5')
keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).export(W + '/new', verbose=False)
keras.utils.save_img(W + '/new.png', __import__('numpy').zeros((3, 3, 1)))
keras.config.set_floatx('float32'); keras.utils.get_file(W + '/new', 'file://' + F)
"""

METADATA = """
os.chmod(F, 0o600)
os.chmod('file', 0o600, dir_fd=os.open(W, os.O_RDONLY))
os.chmod(os.open(F, os.O_RDONLY), 0o600)
os.fchmod(os.open(F, os.O_RDONLY), 0o600)
os.chown(F, 1, 1)
os.chown('file', 1, 1, dir_fd=os.open(W, os.O_RDONLY))
os.chown(os.open(F, os.O_RDONLY), 1, 1)
os.fchown(os.open(F, os.O_RDONLY), 1, 1)
os.lchown(F, 1, 1)
os.utime(F)
os.utime(F, (1, 1))
os.utime(os.open(F, os.O_RDONLY), (1, 1))
os.utime('file', (1, 1), dir_fd=os.open(W, os.O_RDONLY))
os.setxattr(F, 'user.new', b'x')
os.setxattr(os.open(F, os.O_RDONLY), 'user.new', b'x')
os.removexattr(F, 'user.mark')
os.removexattr(os.open(F, os.O_RDONLY), 'user.mark')
import pathlib; pathlib.Path(F).chmod(0o600)
import shutil; shutil.copystat(D, F)
import shutil; shutil.copymode(D, F)
import shutil; shutil.chown(F, 1, 1)
C.chmod(B, 0o600)
C.fchmod(os.open(F, os.O_RDONLY), 0o600)
C.fchmodat(-100, B, 0o600, 0)
C.chown(B, 1, 1)
C.lchown(B, 1, 1)
C.utime(B, None)
C.utimes(B, None)
C.utimensat(-100, B, None, 0)
C.futimens(os.open(F, os.O_RDONLY), None)
C.setxattr(B, b'user.new', b'x', 1, 0)
C.fsetxattr(os.open(F, os.O_RDONLY), b'user.new', b'x', 1, 0)
C.removexattr(B, b'user.mark')
C.syscall(452, -100, B, 0o600, 0)
"""

C_FILES = """
C.unlink(B)
C.remove(B)
C.rename(B, (W + '/new').encode())
C.mkdir((W + '/new').encode(), 0o755)
C.rmdir((W + '/empty').encode())
C.truncate(B, 1)
C.creat((W + '/new').encode(), 0o644)
C.write(C.open(B, 1), b'x', 1)
C.symlink(B, (W + '/new').encode())
C.link(B, (W + '/new').encode())
C.mkfifo((W + '/new').encode(), 0o644)
C.mknod((W + '/new').encode(), 0o100644, 0)
C.fopen.restype = ctypes.c_void_p; p = C.fopen(B, b'w'); p and C.fclose(ctypes.c_void_p(p))
C.system(f'touch {W}/new'.encode())
"""

NETWORK = """
socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', UDP)
socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, UDP)
s = socket.socket(type=socket.SOCK_DGRAM); s.connect(UDP); s.send(b'x')
s = socket.socket(type=socket.SOCK_DGRAM); s.connect(UDP); s.sendmsg([b'x'])
socket.create_connection(TCP)
socket.socket().connect(TCP)
socket.socket().connect_ex(TCP)
s = socket.socket(); s.setblocking(False); s.connect_ex(TCP)
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', UNIX)
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, UNIX)
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect(UNIX); 1 / 0
socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', UNIX)
socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendmsg([b'x'], [], 0, UNIX)
socket.socket(socket.AF_UNIX).bind(W + '/new')
import urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{TCP[1]}', timeout=0.3)
import http.client; http.client.HTTPConnection(*TCP, timeout=0.3).request('GET', '/')
import smtplib; smtplib.SMTP(*TCP, timeout=0.3)
import ftplib; ftplib.FTP().connect(*TCP, timeout=0.3)
import asyncio; asyncio.run(asyncio.wait_for(asyncio.open_connection(*TCP), 1))
import logging.handlers as h; h.DatagramHandler(*UDP).send(b'x')
import logging.handlers as h; h.SysLogHandler(UDP).emit(__import__('logging').LogRecord('a', 1, 'b', 1, 'c', (), None))
import logging.handlers as h; h.SocketHandler(*TCP).createSocket()
import _socket; _socket.socket(2, 2).sendto(b'x', UDP)
import xmlrpc.client; socket.setdefaulttimeout(0.3); xmlrpc.client.ServerProxy(f'http://127.0.0.1:{TCP[1]}').f()
import multiprocessing.connection as m; m.Client(UNIX, 'AF_UNIX'); 1 / 0
a = (2).to_bytes(2, 'little') + UDP[1].to_bytes(2, 'big') + bytes([127, 0, 0, 1]) + bytes(8); C.sendto(C.socket(2, 2, 0), b'x', 1, 0, a, 16)
a = (2).to_bytes(2, 'little') + TCP[1].to_bytes(2, 'big') + bytes([127, 0, 0, 1]) + bytes(8); C.connect(C.socket(2, 1, 0), a, 16)
"""

PROCESSES = """
os.fork() or linger()
C.fork() or linger()
C.syscall(56, 17, 0, 0, 0, 0) or linger()
os.forkpty()[0] or linger()
import pty; pty.fork()[0] or linger()
subprocess.Popen(SLEEP)
subprocess.Popen(SLEEP, start_new_session=True)
subprocess.Popen(' '.join(SLEEP), shell=True)
subprocess.run(' '.join(SLEEP) + ' &', shell=True)
os.system(' '.join(SLEEP) + ' &')
os.popen(' '.join(SLEEP))
os.posix_spawnp('sleep', SLEEP, os.environ)
os.posix_spawn('/bin/sleep', SLEEP, os.environ)
os.spawnvp(os.P_NOWAIT, 'sleep', SLEEP)
os.execvp('sleep', SLEEP)
C.system(b'sleep 31.41592 &')
C.popen(b'sleep 31.41592', b'r')
C.execlp(b'sleep', b'sleep', b'31.41592', None)
C.posix_spawnp((ctypes.c_int * 1)(), b'sleep', None, None, (ctypes.c_char_p * 3)(b'sleep', b'31.41592', None), None)
import multiprocessing.util as u; u.spawnv_passfds(b'/bin/sleep', [s.encode() for s in SLEEP], [])
import _posixsubprocess as p; p.fork_exec([b'sleep', b'31.41592'], [b'/bin/sleep'], True, (), None, None, -1, -1, -1, -1, -1, -1, *os.pipe(), False, True, -1, None, None, None, -1, None, *([True] if sys.version_info < (3, 14) else []))
import multiprocessing as m; m.get_context('fork').Process(target=linger).start()
import multiprocessing as m; m.get_context('spawn').Process(target=os.system, args=('sleep 31.41592',)).start(); __import__('time').sleep(1.5)
import multiprocessing as m; m.get_context('fork').Pool(1).apply_async(linger); __import__('time').sleep(0.3)
import concurrent.futures as c, multiprocessing as m; c.ProcessPoolExecutor(1, m.get_context('fork')).submit(linger); __import__('time').sleep(0.3)
import asyncio; asyncio.run(asyncio.create_subprocess_exec(*SLEEP))
import asyncio; asyncio.run(asyncio.create_subprocess_shell(' '.join(SLEEP)))
import webbrowser; webbrowser.GenericBrowser(['sleep', '31.41592']).open('x')
!sleep 31.41592 &
"""

SIGNALS = """
os.kill(PID, 9)
os.kill(PID, signal.SIGSTOP); os.kill(PID, signal.SIGTERM); os.kill(PID, signal.SIGCONT)
os.killpg(os.getpgid(PID), 0) or os.kill(PID, 15)
signal.pidfd_send_signal(os.pidfd_open(PID), 9)
C.kill(PID, 9)
C.syscall(200, PID, 9)
C.syscall(234, PID, PID, 9)
C.syscall(424, os.pidfd_open(PID), 9, None, 0)
os.setpriority(os.PRIO_PROCESS, PID, 7)
C.setpriority(0, PID, 7)
import resource; resource.prlimit(PID, resource.RLIMIT_NOFILE, (50, 60))
C.prlimit(PID, 7, (ctypes.c_ulong * 2)(50, 60), None)
os.sched_setaffinity(PID, {0})
C.sched_setaffinity(PID, 8, (ctypes.c_ulong * 1)(1))
os.sched_setscheduler(PID, os.SCHED_BATCH, os.sched_param(0))
C.sched_setscheduler(PID, 3, (ctypes.c_int * 1)(0))
C.syscall(251, 1, PID, 3 << 13)
import psutil; psutil.Process(PID).kill()
import psutil; psutil.Process(PID).nice(7)
import psutil; psutil.Process(PID).cpu_affinity([0])
import psutil; psutil.Process(PID).ionice(3)
C.ptrace(16, PID, 0, 0); C.waitpid(PID, None, 0); C.ptrace(17, PID, 0, 9)
"""

MEMORY = """
from multiprocessing.shared_memory import SharedMemory as S; S(SHM).buf[0] += 1
from multiprocessing.shared_memory import SharedMemory as S; S(SHM).unlink()
from multiprocessing.shared_memory import SharedMemory as S; s = S('convside', True, 9); s.buf[0] = 1
from multiprocessing.shared_memory import ShareableList as S; S([1, 2], name='convside')
open('/dev/shm/' + SHM, 'r+b').write(b'x')
open('/dev/shm/convside', 'w').write('x')
os.remove('/dev/shm/' + SHM)
import _posixshmem; _posixshmem.shm_unlink('/' + SHM)
import numpy as np; np.memmap('/dev/shm/' + SHM, mode='r+')[0] = 1
C.shm_unlink(('/' + SHM).encode())
os.write(C.shm_open(('/' + SHM).encode(), 2, 0o600), b'x')
C.sem_open.restype = ctypes.c_void_p; C.sem_open(b'/convside', 0o100, 0o600, 1)
import _multiprocessing as m; m.SemLock(1, 1, 1, '/convside', False)
C.shmat.restype = ctypes.c_void_p; at = C.shmat(C.shmget(KEY, 64, 0), None, 0); at == 2**64 - 1 or ctypes.memset(at, 1, 4)
C.shmget(KEY + 1, 64, 0o1666)
C.shmctl(C.shmget(KEY, 64, 0), 0, None)
C.semget(KEY + 2, 1, 0o1666)
C.msgget(KEY + 3, 0o1666)
C.msgsnd(C.msgget(KEY + 4, 0o1666), (ctypes.c_long * 2)(1, 1), 8, 0)
"""

PIPES = """
open(W + '/pipe', 'rb', buffering=0).read(3)
os.read(os.open(W + '/pipe', os.O_RDONLY), 3)
import pathlib; next(iter(pathlib.Path(W, 'pipe').open('rb', buffering=0)))
import io; io.FileIO(W + '/pipe').read(3)
open(W + '/pipe', 'wb').write(b'x')
os.write(os.open(W + '/pipe', os.O_WRONLY), b'x')
C.write(C.open((W + '/pipe').encode(), 1), b'x', 1)
import numpy as np; np.fromfile(W + '/pipe', 'u1', 3)
os.read(os.open('pipe', os.O_RDONLY, dir_fd=os.open(W, os.O_RDONLY)), 3)
"""

SHELL = r"""
!touch {W}/new
!rm {F}
!pip --version > {W}/new
%system touch {W}/new
%mkdir {W}/new
%cd {W}\nopen('new', 'w').close()
%sx touch {W}/new
%%bash\ntouch {W}/new
%%writefile {F}\nx
get_ipython().system('touch ' + W + '/new')
from IPython import get_ipython; get_ipython().run_line_magic('system', 'touch ' + W + '/new')
import IPython.utils.process as p; p.system('touch ' + W + '/new')
import IPython.utils.process as p; p.getoutput('touch ' + W + '/new')
import pip._internal.cli.main as m; m.main(['download', '--no-index', '-d', W + '/new', 'x'])
subprocess.run([sys.executable, '-m', 'pip', 'freeze', '--path', W], stdout=open(W + '/new', 'w'))
"""

GROUPS = {
    "files": FILES, "files by C": C_FILES, "databases": DATABASES, "NumPy, pandas, HDF5": SCIENCE,
    "TensorFlow and Keras": TENSORFLOW, "metadata": METADATA, "sockets": NETWORK, "processes": PROCESSES,
    "signals and limits": SIGNALS, "shared memory": MEMORY, "pipes": PIPES, "shell": SHELL,
}  # fmt: skip

EFFECTS = [(group, line) for group, lines in GROUPS.items() for line in lines.strip().splitlines()]


def cell_of(world: World, effect: str) -> str:
    """The cell that has this effect on that world."""
    magic = effect.startswith("%%")
    text = effect.replace("\\n", "\n").replace(_NAME, world.name).replace(_SECONDS, world.seconds)
    frameworks = "import tensorflow as tf, keras\n" if "tf." in effect or "keras." in effect else ""
    return text.replace("{W}", str(world.folder)).replace("{F}", f"{world.folder}/file") if magic else (
        world.prelude + frameworks + text + "\n"
    )  # fmt: skip


def cell_of_all(world: World, effects: Sequence[str]) -> str:
    """One cell that has all the effects, whichever of them are refused."""
    lines = ["import os", "_here = os.getcwd()"]
    for effect in effects:
        lines += ["os.chdir(_here)", "try:", f"    exec({cell_of(world, effect)!r}, dict(__name__='__main__'))"]
        lines += ["except BaseException: pass"]
    return "\n".join(lines) + "\n"


def is_shell(effect: str) -> bool:
    """Whether only IPython understands it."""
    return effect.startswith(("!", "%"))
