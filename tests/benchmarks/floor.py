"""The least that recording every step can cost: the same numbers read by hand, with no bookkeeping at all.

    python tests/benchmarks/floor.py [WORKLOAD …] [--rounds N] [--seconds S]

For every step the kernels that the recorded quantities cannot do without, each on as many elements as the recorder reads, over
tensors that were taken from one step beforehand, and nothing around them: no hook, no schedule, no name, no row, no disk. Each
reading follows a step, as it does in a training (alone in a loop it finds its code and data in the caches, and takes half as long);
blocks of such steps and of bare ones take turns; *floor* is the one through the other, the median over the rounds, in CPU time.
What remains between it and the column *every step* of `overhead.py` is hooks, bookkeeping and writing.

- parameters: a copy before the step, norms of gradients, weights and updates, the spread of the rows (`_foreach` operations);
- each output: a sample of it, the largest magnitude of each unit where the layer can be silent, the norm of the gradient with
  respect to it;
- all samples side by side: by column sums, extremes, squares around the mean, what is not zero; elements for histograms;
- everything put together and copied once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

import torch
from overhead import block, steps_in
from torch import Tensor, nn
from workloads import WORKLOADS, Workload

from diagnose.observe.networks import activation_of, channels_first, is_layer, role_of
from diagnose.observe.probes.columns import Columns, Layouts
from diagnose.observe.probes.outputs import SILENT, sample_of
from diagnose.observe.probes.weights import COLUMNS, ROWS
from diagnose.observe.transfer import pack


class Output:
    """One output of the step that was looked at, as the recorder would read it."""

    def __init__(self, module: nn.Module, output: Tensor) -> None:
        self.whole = output.detach()
        self.gradient = torch.randn_like(self.whole)
        self.first = channels_first(role_of(module)) or self.whole.dim() == 4
        self.activation = activation_of(module)


def taken(work: Workload) -> tuple[list[list[Tensor]], list[Output]]:
    """Every network's parameters, and all outputs of one step."""
    outputs: list[Output] = []
    handles = []

    def hook(module: nn.Module, _: object, output: object) -> None:
        first = output[0] if isinstance(output, tuple) else output
        if isinstance(first, Tensor) and first.is_floating_point() and first.dim() > 1:
            outputs.append(Output(module, first))

    for network, _, _ in work.networks:
        handles += [module.register_forward_hook(hook) for module in network.modules() if is_layer(module)]
    work.step()
    for handle in handles:
        handle.remove()
    return [[p for p in network.parameters() if p.grad is not None] for network, _, _ in work.networks], outputs


def reading(networks: list[list[Tensor]], outputs: list[Output]) -> Callable[[], None]:
    """The kernels of one step."""
    copies = [[torch.empty_like(p) for p in parameters] for parameters in networks]
    layouts = Layouts()

    def read() -> None:
        found: list[Tensor] = []
        for parameters, before in zip(networks, copies, strict=True):
            torch._foreach_copy_(before, parameters)
            moved = torch._foreach_sub(parameters, before)
            rows = [p[:ROWS].flatten(1)[:, :COLUMNS] for p in parameters if p.dim() > 1]
            apart = torch._foreach_sub(rows, [r.mean(0) for r in rows])
            found += torch._foreach_norm([p.grad for p in parameters])
            found += torch._foreach_norm([*before, *moved, *apart, *rows])
        columns = Columns(layouts)
        for one in outputs:
            columns.add(sample_of(one.whole, one.first, one.activation if one.activation in SILENT else None))
            found.append(torch.linalg.vector_norm(one.gradient))
        pack([*found, *columns.gather()]).numpy().tobytes()

    def quietly() -> None:
        with torch.no_grad():
            read()

    return quietly


def floor(make: Callable[[], Workload], rounds: int, seconds: float) -> tuple[float, float, int]:
    """A step and its reading through a bare step; the bare step in milliseconds; how many outputs are read."""
    torch.manual_seed(0)
    work = make()
    count = steps_in(work.step, seconds)
    networks, outputs = taken(work)
    read = reading(networks, outputs)
    ratios, bares = [], []


    def both() -> None:
        work.step()
        read()

    for _ in range(rounds):
        bare, _ = block(work.step, count)
        full, _ = block(both, count)
        ratios.append(full / bare)
        bares.append(bare / count)
    return median(ratios), 1e3 * median(bares), len(outputs)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []], metavar="WORKLOAD")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.2, help="CPU time of one block of bare steps")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| | bare step, ms | outputs | floor |\n|---|---|---|---|")
    for name in options.workloads or WORKLOADS:
        ratio, bare, outputs = floor(WORKLOADS[name], options.rounds, options.seconds)
        print(f"| {name} | {bare:.2f} | {outputs} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
