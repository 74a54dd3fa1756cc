"""Several processes as one: PyTorch's own launcher, gradients averaged after every backward pass.

The models are small, so one flat all-reduce a player is all the engine they need; a turn is
the same on one process and on many.
"""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn

from rencgan.core.errors import InputError


@dataclass(frozen=True)
class Group:
    """This process's place among all. `Group()` is a process alone."""

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> "Group":
        """From the environment that torchrun (or `launch`) sets; joins the process group once."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(dist.get_rank(), size)

    @property
    def first(self) -> bool:
        return self.rank == 0

    def device(self) -> torch.device:
        if not torch.cuda.is_available():
            return torch.device("cpu")
        index = int(os.environ.get("LOCAL_RANK", "0"))
        torch.cuda.set_device(index)
        return torch.device("cuda", index)

    def rows(self, batch: int) -> slice:
        """This process's rows of a joint batch."""
        if batch % self.size:
            raise InputError(f"a batch of {batch} cannot be shared evenly by {self.size} processes")
        share = batch // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def average_gradients(self, module: nn.Module) -> None:
        if self.size == 1:
            return
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for g, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            g.copy_(part.view_as(g))

    def average_statistics(self, module: nn.Module) -> None:
        """Running batch-norm statistics differ between processes; what is saved is their mean."""
        if self.size == 1:
            return
        for m in module.modules():
            if isinstance(m, nn.modules.batchnorm._BatchNorm):
                for buffer in (m.running_mean, m.running_var):
                    dist.all_reduce(buffer)
                    buffer /= self.size

    def agree(self, flag: bool) -> bool:
        """The first process's answer, in every process."""
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        answer = torch.tensor(int(flag), device=device)
        dist.broadcast(answer, 0)
        return bool(answer)


def launch(function, processes: int, *args):
    """Runs `function(*args)` in `processes` processes on this machine; works from a notebook too.

    Returns what the first process returns; an InputError of any of them is raised here too. The
    function must live in a module, not in a notebook cell. For several machines, start the same
    module with torchrun.
    """
    if processes == 1:
        return function(*args)
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        max_restarts=0,
    )
    try:
        return elastic_launch(config, function)(*args)[0]
    except ChildFailedError as error:
        for failure in error.failures.values():  # the others lost their connection to it
            report = failure.error_file_data.get("message")
            told = report.get("message", "") if isinstance(report, dict) else ""
            kind, _, sentence = told.partition(": ")
            if kind == InputError.__name__:
                raise InputError(sentence) from None
        raise
