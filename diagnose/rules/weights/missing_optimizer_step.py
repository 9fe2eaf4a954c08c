from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import Training


@rule(needs=("losses", "optimizers", "evaluations"))
def missing_optimizer_step(training: Training) -> Iterator[Finding]:
    """Gradients are computed, and no optimizer makes a step.

    What it does:
        Speaks when a backward reached a loss, an optimizer was built, the network was evaluated, and no optimizer was
        ever stepped.

    Why is this bad:
        backward() only computes gradients. The weights stay as they were drawn, whatever the loss says, and each
        epoch prints the same.

    Fix:
        `optimizer.step()` after `loss.backward()`, once for every batch; with a gradient scaler `scaler.step(optimizer)`.

    Known problems:
        A program that changes its weights by hand beside an optimizer that it does not use is reported. One that failed
        before its first step is left alone unless it had evaluated: it may have been about to make one. Steps that a gradient
        scaler skipped are not missing.

    Example:
        `loss.backward()` with nothing but `scheduler.step()` after it

    References:
        PyTorch, Optimizing Model Parameters, https://docs.pytorch.org/tutorials/beginner/basics/optimization_tutorial.html.
    """
    if training.steps or training.has("skipped") or training.events:
        return
    if not (training.training_losses and training.optimizers and any(len(e) for e in training.evaluations)):
        return
    optimizer = next((o for o in training.optimizers if o.source is not None), training.optimizers[0])
    names = " and ".join(dict.fromkeys(o.type for o in training.optimizers))
    site = training.training_losses[0]
    yield Finding(
        message=f"a backward reached {site.id}, but {names} made 0 steps: the weights are still as they were drawn",
        places=tuple(dict.fromkeys(o.type for o in training.optimizers)),
        evidence=(Evidence("steps", None, None, float(training.steps), "below", 1.0, "steps", "count"),),
        severity="error",
        confidence=0.9,
        fix=Fix("call the optimizer's step after each backward", "loss.backward()\noptimizer.step()"),
        source=site.source or optimizer.source,
    )
