"""A real SLURM of three nodes on this machine, on loopback, in a folder of its own.

Nothing under /etc is read or written, no service is started: its programs are children
of this process, and end with it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from lm_eval_iberian.sweep.tethered import tethered


NODES = ("n1", "n2", "n3")
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")
_CONFIG = """\
ClusterName=fake
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={place}/run/munge.sock,cred_expire=5
CryptoType=crypto/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={place}/state
SlurmctldPidFile={place}/run/slurmctld.pid
SlurmctldLogFile={place}/log/slurmctld.log
SlurmdPidFile={place}/run/slurmd.%n.pid
SlurmdSpoolDir={place}/spool/%n
SlurmdLogFile={place}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
GresTypes=gpu
ReturnToService=2
SlurmdTimeout=5
SlurmctldTimeout=10
InactiveLimit=0
KillWait=2
MinJobAge=300
CompleteWait=0
JobRequeue=1
MaxArraySize={most}
SlurmdParameters=config_overrides
{nodes}
PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""
_NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 Boards=1"
    " SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=4000 Gres=gpu:1"
    " State=UNKNOWN"
)


def why_not() -> str | None:
    """Return why no SLURM can be started here, if none can."""
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    if absent:
        return (
            f"NO SLURM: {', '.join(absent)} not found;"
            " apt-get install --no-install-recommends slurm-wlm munge"
        )
    if os.geteuid() != 0:
        return "NO SLURM: its daemons need root"
    return None


class SlurmCluster:
    """Three nodes with two cores and a GPU each; ``stop`` leaves nothing of it."""

    def __init__(self, most: int = 1001) -> None:
        # short: a socket's path has no more than 107 characters
        self.place = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.place.chmod(0o755)
        self._daemons: list[subprocess.Popen[bytes]] = []
        try:
            self._configure(most)
            self._start()
        except BaseException:
            self.stop()
            raise

    @property
    def environment(self) -> Mapping[str, str]:
        """What SLURM's commands need to find it."""
        return {"SLURM_CONF": str(self.place / "slurm.conf")}

    def _configure(self, most: int) -> None:
        for name in ("munge", "run", "state", "log", "spool"):
            (self.place / name).mkdir()
        (self.place / "munge").chmod(0o700)
        key = self.place / "munge" / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        host, ports = socket.gethostname(), _free_ports(1 + len(NODES))
        nodes = "\n".join(
            _NODE.format(name=name, host=host, port=port)
            for name, port in zip(NODES, ports[1:], strict=True)
        )
        text = _CONFIG.format(
            host=host, ports=ports, place=self.place, most=most, nodes=nodes
        )
        (self.place / "slurm.conf").write_text(text)
        (self.place / "gres.conf").write_text("Name=gpu File=/dev/null\n")

    def _start(self) -> None:
        run = self.place / "run"
        self._daemon(
            "munged", "--foreground", "--force",
            f"--key-file={self.place / 'munge' / 'key'}",
            f"--socket={run / 'munge.sock'}", f"--pid-file={run / 'munged.pid'}",
            f"--log-file={self.place / 'log' / 'munged.log'}",
            f"--seed-file={self.place / 'munge' / 'seed'}",
        )  # fmt: skip
        wait_for((run / "munge.sock").exists, "munged")
        self._daemon("slurmctld", "-D")
        for name in NODES:
            self._daemon("slurmd", "-D", "-N", name)
        wait_for(lambda: self.nodes() == dict.fromkeys(NODES, "idle"), "three nodes")

    def _daemon(self, name: str, *arguments: str) -> None:
        program = shutil.which(name)
        assert program is not None
        with (self.place / "log" / f"{name}.out").open("ab") as log:
            self._daemons.append(
                subprocess.Popen(
                    tethered([program, *arguments]),
                    env=os.environ | self.environment, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True,
                )
            )  # fmt: skip

    def say(self, *command: str) -> str:
        """Return what one of SLURM's commands says."""
        return subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True,
            timeout=60, check=True,
        ).stdout  # fmt: skip

    def nodes(self) -> dict[str, str]:
        """Return the nodes' states."""
        try:
            said = self.say("sinfo", "-h", "-N", "-o", "%N %T")
        except subprocess.CalledProcessError:
            return {}
        return dict(line.split() for line in said.splitlines())  # type: ignore[misc]

    def jobs(self) -> dict[str, str]:
        """Return the jobs that are in flight, and their states."""
        said = self.say("squeue", "-h", "-r", "-o", "%i %T")
        return dict(line.split() for line in said.splitlines())  # type: ignore[misc]

    def set_down(self, node: str) -> None:
        """Set a node down, so that its jobs are put back into the queue.

        It comes back by itself, when it next registers.
        """
        self.say(
            "scontrol", "update", f"nodename={node}", "state=down", "reason=test"
        )  # fmt: skip

    def wait_until_idle(self, seconds: float = 60) -> None:
        """Wait until no job is in flight."""
        wait_for(lambda: not self.jobs(), "an empty queue", seconds)

    def stop(self) -> None:
        """Cancel every job, end every process, remove every file."""
        try:
            if len(self._daemons) > 1:
                self.say("scancel", f"--user={os.getuid()}")
                self.wait_until_idle(15)
        except (OSError, subprocess.SubprocessError, AssertionError):
            pass  # what is left is ended below
        finally:
            left = [
                child
                for daemon in self._daemons
                for child in _with_children(daemon.pid)
            ]
            for daemon in reversed(self._daemons):
                daemon.send_signal(signal.SIGTERM)
            for daemon in self._daemons:
                try:
                    daemon.wait(5)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()
            for process in left:
                try:
                    process.kill()  # psutil ends no other that was given its number
                except psutil.NoSuchProcess:
                    continue
            shutil.rmtree(self.place, ignore_errors=True)


def _with_children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)  # type: ignore[no-any-return]
    except psutil.NoSuchProcess:
        return []


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_for(met: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"no {what} after {seconds} s"
        time.sleep(0.05)
