"""Several processes as one: PyTorch's own launcher, gradients averaged after every backward pass.

The models are small, so one flat all-reduce a player is all the engine they need; a turn is
the same on one process and on many.
"""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn

from rencgan.core.errors import InputError

LONGEST = timedelta(hours=2)  # that the others wait while the first one saves, shows or scores


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
            check_devices(int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
            backend = "nccl" if torch.cuda.is_available() else "gloo"
            dist.init_process_group(backend, timeout=LONGEST)
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
        """This process's rows of a joint batch: as even shares as there are, larger ones first."""
        share, more = divmod(batch, self.size)
        start = self.rank * share + min(self.rank, more)
        return slice(start, start + share + (self.rank < more))

    def weight(self, batch: int) -> float:
        """What a mean over this process's rows counts in an average over processes that is to be
        one over the joint batch: exactly 1 where shares are even.
        """
        rows = self.rows(batch)
        return (rows.stop - rows.start) * self.size / batch

    def average_gradients(self, module: nn.Module, batch: int) -> None:
        """Of a loss that is a mean over this process's rows of a joint batch."""
        if self.size == 1:
            return
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients]).mul_(self.weight(batch))
        dist.all_reduce(flat)
        flat /= self.size
        for g, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            g.copy_(part.view_as(g))

    def average_statistics(self, module: nn.Module, batch: int) -> None:
        """Running batch-norm statistics differ between processes; what is saved is their mean,
        weighted by the rows of a joint batch.
        """
        if self.size == 1:
            return
        for m in module.modules():
            if isinstance(m, nn.modules.batchnorm._BatchNorm):
                for buffer in (m.running_mean, m.running_var):
                    buffer *= self.weight(batch)
                    dist.all_reduce(buffer)
                    buffer /= self.size

    def mean(self, x: torch.Tensor, batch: int) -> torch.Tensor:
        """Of a mean over this process's rows of a joint batch, that over all of them."""
        if self.size == 1:
            return x
        x = x.detach() * self.weight(batch)
        dist.all_reduce(x)
        return x / self.size

    def agree(self, *numbers: int) -> list[int]:
        """The first process's numbers, in every process. A GPU waits for them."""
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        answer = torch.tensor(numbers, device=device)
        dist.broadcast(answer, 0)
        return answer.tolist()


def check_devices(processes: int) -> None:
    """Refuses more processes on this machine than it has GPUs; on a CPU any number goes."""
    found = torch.cuda.device_count() if torch.cuda.is_available() else processes
    if processes > found:
        raise InputError(f"{processes} processes need a GPU each, and here are {found}")


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
