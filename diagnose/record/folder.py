"""Where runs lie: `.diagnose/<program>-<start>-<pid>/rank0.sqlite`."""

from __future__ import annotations

import calendar
import os
import re
import time
from pathlib import Path

HOME = ".diagnose"
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs"}


def program_name(program: str) -> str:
    """The program as a part of a file name: `train` for `src/train.py`, `package.module` for `-m package.module`."""
    stem = Path(program).name.removesuffix(".py") or "program"
    return re.sub(r"[^\w.\-]+", "_", stem).strip("._")[:60] or "program"


def process_started(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None where the system does not tell. Tells a reused pid."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        return int(text.rsplit(")", 1)[1].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _stamp(seconds: float) -> str:
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))


def _job_name(program: str) -> str:
    """One name for all ranks of a job: keyed by the agent that started them, and by its restarts."""
    agent = os.getppid()
    restarts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    began = _agent_stamp(agent) or f"port{os.environ.get('MASTER_PORT', '')}"
    name = f"{program_name(program)}-{began}-{agent}"
    return name if restarts == "0" else f"{name}-restart{restarts}"


def _agent_stamp(agent: int) -> str | None:
    """When a process began, from the system's own whole numbers: every rank comes to the same second."""
    ticks = process_started(agent)
    try:
        boot = re.search(r"^btime (\d+)$", Path("/proc/stat").read_text(), re.MULTILINE)
        rate = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
    return None if ticks is None or boot is None else _stamp(int(boot[1]) + ticks // rate)


def stamped(folder: Path) -> float | None:
    """When a run began, in seconds since 1970, as its folder's name tells."""
    match = re.search(r"-(\d{8}T\d{6})-\d+(?:-\w+)*$", folder.name)
    return None if match is None else float(calendar.timegm(time.strptime(match[1], "%Y%m%dT%H%M%S")))


def job() -> tuple[int, int]:
    """This process's number in its job and how many there are, as torchrun and its like tell it: (0, 1) outside of one."""
    try:
        rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError):
        return 0, 1
    return (rank, world) if 0 <= rank < world else (0, 1)


def make_folder(root: Path, program: str, started: float, rank: int, world: int) -> Path:
    """Makes and returns the run's folder; ranks of one job share it.

    The second run of a rank under the same agent (a shell that starts one program after the other) gets the job's second
    folder: each rank counts for itself, and all come to the same.

    Raises:
        OSError: it could not be made.
    """
    home = root / HOME
    home.mkdir(exist_ok=True)  # a working folder that was deleted is not made again
    ignore = home / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    name = _job_name(program) if world > 1 else f"{program_name(program)}-{_stamp(started)}-{os.getpid()}"
    for number in range(1, 1000):
        folder = home / (name if number == 1 else f"{name}-{number}")
        try:
            if world > 1:
                folder.mkdir(exist_ok=True)
                (folder / f"rank{rank}.sqlite").touch(exist_ok=False)
            else:
                folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{home / name} and 999 more exist")


def on_network(path: Path) -> bool:
    """Whether the path lies on a network file system, where SQLite's WAL (shared memory) does not work."""
    try:
        mounts = Path("/proc/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return False
    best, kind = "", ""
    place = str(path.resolve())
    for line in mounts:
        fields = line.split()
        if len(fields) < 3:
            continue
        mount = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), fields[1])
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[2]
    return kind in _NETWORK or (kind.startswith("fuse.") and kind != "fuse.overlayfs")
