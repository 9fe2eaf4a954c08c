from __future__ import annotations

from collections.abc import Iterator

from diagnose.finding import Finding, Fix
from diagnose.rules import rule
from diagnose.rules.adversarial.pair import uniform
from diagnose.run import Training


@rule(needs=("batch_std", "input_batch_std"), symptoms=("constant-output", "dead-units"), kinds=("gan",))
def mode_collapse(training: Training, *, spread: float = 0.3, min_snapshots: int = 6) -> Iterator[Finding]:
    """The generator makes nearly the same sample whatever its noise.

    What it does:
        Compares how much the generator's samples differ within a batch with how much the real ones do, both as the
        root mean square over elements of the standard deviation across samples. Below `spread` of it in the last
        quarter of the training is reported.

    Why is this bad:
        The generator has found one sample, or few, that fool the discriminator, and moves on to another when it is
        found out: it never learns the variety of the data.

    Fix:
        A gradient penalty (R1) or spectral normalisation in the discriminator, minibatch standard deviation, equal
        learning rates with beta1 = 0.5, larger batches.

    Known problems:
        Collapse to several modes that lie far apart keeps the spread and is not seen. In the first quarter every
        generator is uniform, so short trainings say nothing.

    Example:
        a generator of digits that draws the same 1 for every noise vector

    References:
        Salimans et al. 2016, Improved Techniques for Training GANs, section 3.2, https://arxiv.org/abs/1606.03498;
        Mescheder et al. 2018, https://arxiv.org/abs/1801.04406. 0.3:
        a healthy generator of eight modes ended at 0.96 of the real spread, one that had moved to a single mode at
        0.03.
    """
    seen = uniform(training, spread, min_snapshots=min_snapshots)
    if seen is None or seen.place is None or isinstance(seen.limit, tuple):
        return
    made, real, layer = seen.value, seen.limit / spread, training.layer(seen.place)
    yield Finding(
        message=f"samples of {seen.place} differ by {made:.3g} within a batch, real ones by {real:.3g} "
        f"({made / real:.0%})",
        places=(seen.place,),
        evidence=(seen,),
        severity="error",
        confidence=0.8,
        steps=seen.steps,
        fix=Fix(
            "penalise the gradient of the discriminator at real samples (R1) and train both with "
            "Adam(betas=(0.5, 0.99)) "
            f"until the spread of {made:.3g} comes near {real:.3g}",
            "penalty = torch.autograd.grad(D(real).sum(), real, create_graph=True)[0].pow(2).flatten(1).sum(1).mean()",
        ),
        source=layer.source if layer else None,
    )
