"""The batch on a Slurm of one node, which the test starts in a folder of its own and stops."""

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack

import pytest
from batches import Batch, snakemake
from conftest import ROOT

DAEMONS = ("munged", "slurmctld", "slurmd")
PROFILE = ROOT / "batch" / "profiles" / "slurm"
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
# munge in place of the system's own; no cgroups, accounting or CPU binding, which need a system
# that is set up for them.
CONFIG = """
ClusterName=one
SlurmctldHost=localhost
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
NodeName=localhost CPUs=2 RealMemory=6000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP
"""


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def cluster(tmp_path):
    """The environment in which Slurm's commands ask a cluster of one node and two CPUs."""
    pytest.importorskip("snakemake_executor_plugin_slurm")
    if os.geteuid() or not all(shutil.which(name, path=PATH) for name in DAEMONS):
        pytest.skip("Slurm is not installed, or this is not root: apt install slurm-wlm munge")
    folder = tmp_path / "slurm"
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir(parents=True)
    config, key = folder / "slurm.conf", folder / "munge.key"
    config.write_text(CONFIG.format(folder=folder, ports=free_ports(2)))
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    srun = folder / "bin" / "srun"  # a job of the plugin forgets what begins with SLURM_
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={config} exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)
    found = {"SLURM_CONF": str(config), "PATH": os.pathsep.join([str(srun.parent), PATH])}
    munged = ["munged", "--foreground", "--force", f"--key-file={key}"]
    munged += [f"--socket={folder}/munge.socket", f"--pid-file={folder}/munge.pid"]
    munged += [f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed"]
    commands = (munged, ["slurmctld", "-D"], ["slurmd", "-D", "-N", "localhost"])
    environment, started = os.environ | found, []
    try:
        for command in commands:
            with open(folder / f"{command[0]}.txt", "w") as said:
                options = {"stdout": said, "stderr": said, "env": environment}
                started.append(subprocess.Popen(command, **options))
            time.sleep(1)
        told = {name: (folder / f"{name}.txt").read_text()[-500:] for name in DAEMONS}
        wait(lambda: "idle" in asked(environment, "sinfo", "-h"), 60, told)
        yield environment
    finally:
        asked(environment, "scancel", "--partition=main")
        wait(lambda: not asked(environment, "squeue", "-h"), 60)
        for daemon in reversed(started):
            daemon.terminate()
            daemon.wait(30)


def asked(environment: dict, *command: str) -> str:
    options = {"env": environment, "capture_output": True, "text": True, "check": False}
    return subprocess.run(command, **options).stdout


def wait(ready, seconds: float, told=""):
    """What `ready` gives, as soon as it is true."""
    until = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < until, told
        time.sleep(0.5)
    return found


def plain(value):
    """Results without what another run of the same may tell otherwise."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    if not isinstance(value, dict):
        return value
    kept = {k: v for k, v in value.items() if not k.startswith(("seconds", "provenance"))}
    return {k: plain(v) for k, v in kept.items() if k not in ("threads", "checkpoint")}


@snakemake
@pytest.mark.long
def test_slurm_runs_the_batch_and_goes_on_after_a_job_was_cancelled(tmp_path, cluster):
    given = {"contestants": ["R2"], "notebooks": ["01"]}
    folders = [tmp_path / name for name in ("cluster", "here")]
    for folder in folders:
        folder.mkdir()
    there, here = (Batch(folder, **given) for folder in folders)
    there.environment |= cluster
    options = ("--profile", str(PROFILE), "--slurm-init-seconds-before-status-checks", "5")

    def running(name: str) -> str:
        """The number of a job that Slurm is running."""
        lines = asked(cluster, "squeue", "-h", "-t", "RUNNING", "-o", "%i %k").splitlines()
        return next((line.split()[0] for line in lines if line.endswith(name)), "")

    started = there.start(*options, "--retries", "0")
    checkpoint = "compare/sky-procedural-smoke/r2-*/checkpoint.pt"
    try:
        wait(lambda: running("notebook_wildcards_sky_01_data"), 300)
        number = wait(lambda: running("contestant_wildcards_sky-r2-seed1"), 600)
        wait(lambda: list(there.out.glob(checkpoint)), 300)
        asked(cluster, "scancel", number)
        said, _ = started.communicate(timeout=900)
    finally:
        started.kill()
    before = there.marks()
    assert started.returncode != 0 and f"jobid {number}" in said, said
    assert set(before) == {"notebook/sky-01_data", "contestant/sky-real-seed1"}
    assert "CANCELLED" in asked(cluster, "squeue", "-h", "-t", "all", "-j", number, "-o", "%T")
    code, said = there.run(*options)
    after = there.marks()
    assert code == 0 and {name: after[name] for name in before} == before, said
    assert not there.wanted()
    code, said = here.run("--profile", str(PROFILE.parent / "local"))
    assert code == 0 and set(here.marks()) == set(after), said
    for path in (here.out / "results").glob("*.json"):
        same = [json.loads((b.out / "results" / path.name).read_text()) for b in (there, here)]
        assert plain(same[0]) == plain(same[1]), path.name
