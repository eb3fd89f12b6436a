"""A real Slurm of two nodes, both this machine, in a scratch folder: munged, slurmctld and slurmd, stopped by their process ids."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SchedulerParameters=bf_interval=1,sched_interval=1
KillWait=10
NodeName={host} NodeAddr=127.0.0.1 Port={first_port} CPUs=1 State=UNKNOWN
NodeName={host}-2 NodeHostname={host}-2 NodeAddr=127.0.0.1 Port={second_port} CPUs=1 State=UNKNOWN
PartitionName=debug Nodes={host},{host}-2 Default=YES MaxTime=1:00:00 State=UP
"""
PATIENCE_S = 60
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
"""Debian keeps daemons where only the path of root leads."""


@contextmanager
def slurm(folder: Path) -> Iterator[None]:
    """Run Slurm in this block; its commands find it through SLURM_CONF."""
    host = socket.gethostname().partition(".")[0]
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(name, path=PATH) is None]
    assert not missing, f"{missing} of Debian's packages slurm-wlm and munge are not installed; .ci/run does it"
    (folder / "state").mkdir(parents=True)
    ports = {name: free_port() for name in ("controller_port", "first_port", "second_port")}
    text = CONFIGURATION.format(folder=folder, host=host, user=getpass.getuser(), **ports)
    (folder / "slurm.conf").write_text(text)
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        daemons.append(start_munge(folder))
        daemons.append(start("slurmctld", "-D"))
        for node in (host, f"{host}-2"):
            daemons.append(start("slurmd", "-D", "-N", node))
        wait_for(lambda: said("sinfo", "--noheader", "--format=%D %T").strip() == "2 idle", folder)
        yield
    finally:
        subprocess.run(["scancel", f"--user={getpass.getuser()}"], check=False, capture_output=True)
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in daemons:
            daemon.wait(PATIENCE_S)
        os.environ.pop("SLURM_CONF")
        if before:
            os.environ["SLURM_CONF"] = before


def start_munge(folder: Path) -> subprocess.Popen[bytes]:
    """Start munged with a key of its own; it trusts only folders that nobody else can write to."""
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    own = {name: folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
    options = [f"--socket={own['socket']}", f"--pid-file={own['pid']}", f"--log-file={own['log']}"]
    process = start("munged", "--foreground", "--force", f"--key-file={key}", f"--seed-file={own['seed']}", *options)
    wait_for(own["socket"].exists, folder)
    return process


def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a daemon; it says in its own log what it has to say."""
    program = shutil.which(name, path=PATH)
    assert program
    return subprocess.Popen([program, *arguments], stderr=subprocess.DEVNULL)


def said(*command: str) -> str:
    """Return what a command of Slurm says; nothing where it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def wait_for(happened: Callable[[], bool], folder: Path, *, patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so; what the daemons logged says why it never was."""
    give_up_s = time.monotonic() + patience_s
    while not happened():
        if time.monotonic() > give_up_s:
            logs = "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(folder.glob("*.log")))
            raise TimeoutError(f"Slurm did not start:\n{logs}")
        time.sleep(0.1)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
