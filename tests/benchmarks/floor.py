"""The least that recording every step can cost: the same numbers read by hand, with no bookkeeping at all.

    python tests/benchmarks/floor.py [WORKLOAD …] [--rounds N] [--seconds S]

For every step the kernels that the recorded quantities cannot do without, each on as many elements as the recorder reads, over
tensors that were taken from one step beforehand, and nothing around them: no hook, no schedule, no name, no row, no disk. A
block of bare steps and one of such readings take turns; *floor* is 1 + reading / step, the median over the rounds, in CPU time.
What remains between it and the column *every step* of `overhead.py` is hooks, bookkeeping and writing.

- parameters: a copy before the step, norms of gradients, weights and updates, the spread of the rows (`_foreach` operations);
- each output: least and largest, sum, squares around the mean, zeros, spread over the batch by unit, elements for a histogram,
  the largest magnitude of each unit where the layer can be silent, the norm of the gradient with respect to it;
- all outputs together: their histograms; everything stacked and copied once.
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
from diagnose.observe.probes.outputs import BINNED, BINS, SILENT, filled, sampled
from diagnose.observe.probes.weights import COLUMNS, ROWS


class Output:
    """One output of the step that was looked at, as the recorder would read it."""

    def __init__(self, module: nn.Module, output: Tensor) -> None:
        self.whole = output.detach()
        self.gradient = torch.randn_like(self.whole)
        self.first = channels_first(role_of(module)) or self.whole.dim() == 4
        self.silent = activation_of(module) in SILENT


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

    def read() -> None:
        found: list[Tensor] = []
        for parameters in networks:
            gradients = [p.grad for p in parameters]
            before = [torch.empty_like(p) for p in parameters]
            torch._foreach_copy_(before, parameters)
            found += torch._foreach_norm(gradients)
            found += torch._foreach_norm(torch._foreach_sub(parameters, before))
            rows = [p[:ROWS].flatten(1)[:, :COLUMNS] for p in parameters if p.dim() > 1]
            apart = torch._foreach_sub(rows, [r.mean(0) for r in rows])
            found += torch._foreach_norm([*before, *apart, *rows])
        lows, highs, bins = [], [], []
        for one in outputs:
            shaped = sampled(one.whole, one.first)
            flat = shaped.reshape(-1)
            low, high = torch.aminmax(flat)
            over = shaped.sum(0)
            total = over.sum()
            apart = torch.sub(shaped, over, alpha=1 / shaped.shape[0])
            apart.mul_(apart)
            by_unit = apart.sum((0, 1, 3))
            found += [low, high, total, torch.dot(flat, flat), by_unit.sum(), filled(flat)]
            found.append(torch.linalg.vector_norm(one.gradient))
            if one.silent:
                shaped.amax((0, 1, 3))
            lows.append(low)
            highs.append(high)
            bins.append(flat if flat.numel() <= BINNED else flat[:: flat.numel() // BINNED][:BINNED].clone())
        if outputs:
            sizes = torch.tensor([one.numel() for one in bins])
            low = torch.stack(lows)
            places = (torch.cat(bins) - low.repeat_interleave(sizes)).mul_(
                (BINS / (torch.stack(highs) - low).clamp_min_(1e-30)).repeat_interleave(sizes)
            )
            at = places.to(torch.int64).clamp_(0, BINS - 1).add_(torch.arange(len(bins)).mul_(BINS).repeat_interleave(sizes))
            torch.bincount(at, minlength=BINS * len(bins))
        torch.stack(found).numpy().tobytes()

    def quietly() -> None:
        with torch.no_grad():
            read()

    return quietly


def floor(make: Callable[[], Workload], rounds: int, seconds: float) -> tuple[float, float, int]:
    """1 + reading / step; the bare step in milliseconds; how many outputs are read."""
    torch.manual_seed(0)
    work = make()
    count = steps_in(work.step, seconds)
    networks, outputs = taken(work)
    read = reading(networks, outputs)
    ratios, bares = [], []
    for _ in range(rounds):
        bare, _ = block(work.step, count)
        own, _ = block(read, count)
        ratios.append(1 + own / bare)
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
