"""A SLURM of one node on loopback, from Debian's slurm-wlm and munge: without systemd or accounting, in one folder."""

import os
import platform
import secrets
import shutil
import subprocess
from pathlib import Path

from processes import Processes, free_port, wait_until

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")
CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={ctld}
SlurmdPort={slurmd}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5
MpiDefault=none
MaxArraySize={max_array_size}
ReturnToService=2
SlurmdTimeout=30
KillWait=5
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes={host} MaxTime=00:30:00 State=UP
"""


def is_installed() -> bool:
    """Tell whether the programs are there."""
    return all(shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") for program in PROGRAMS)


class SlurmNode:
    """A running SLURM; commands find it by the environment variable SLURM_CONF, see `environment`."""

    def __init__(self, folder: Path, max_array_size: int = 1001, cpus: int = 2, memory_mb: int = 8000) -> None:
        folder.chmod(0o755)
        self.host, self.conf = platform.node().partition(".")[0], folder / "slurm.conf"
        self._folder, self._processes = folder, Processes(folder)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        self.conf.write_text(
            CONF.format(
                host=self.host, folder=folder, ctld=free_port(), slurmd=free_port(), cpus=cpus, memory_mb=memory_mb,
                max_array_size=max_array_size,
            )
        )  # fmt: skip
        self.environment = os.environ | {"SLURM_CONF": str(self.conf), "PATH": f"{os.environ['PATH']}:/usr/sbin"}

    def start(self) -> None:
        """Start munge, the controller and the node, and wait until the node is idle."""
        key = self._folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        files = {
            "socket": "munge.socket",
            "pid-file": "munged.pid",
            "log-file": "munged.log",
            "seed-file": "munge.seed",
        }
        options = [f"--{option}={self._folder / name}" for option, name in files.items()]
        self._start("munged", "--foreground", "--force", f"--key-file={key}", *options)
        wait_until((self._folder / "munge.socket").exists, "a munged that listens")
        self._start("slurmctld", "-D", "-i")
        self.start_node()

    def start_node(self) -> None:
        """Start the node's daemon, and wait until the controller has work for it."""
        self._start("slurmd", "-D", "-N", self.host)
        wait_until(lambda: self.node_state() in ("idle", "mixed", "allocated"), "a node that is idle")

    def stop_node(self) -> None:
        """End the node's daemon."""
        self._processes.stop("slurmd")

    def stop(self) -> None:
        """End everything that was started here, jobs included."""
        subprocess.run(["scancel", "--user=root"], env=self.environment, capture_output=True, check=False)
        self._processes.stop_all()

    def _start(self, program: str, *arguments: str) -> None:
        self._processes.start(program, [program, *arguments], self.environment)

    def run(self, *command: str) -> str:
        """Run a command of SLURM and return what it prints.

        Raises: CalledProcessError where it fails.
        """
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True, timeout=30
        ).stdout

    def node_state(self) -> str:
        """Return the state of the node: idle, mixed, down, ..."""
        done = subprocess.run(
            ["sinfo", "--noheader", "--format=%T", "--partition=main"],
            env=self.environment, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        return done.stdout.strip().rstrip("*")
