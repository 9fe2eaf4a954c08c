"""Rerun the sound programs (fixed.py) with other seeds and with twice the epochs and read what they print.

    python tests/challenges/check_soundness.py [id ...] [--seeds 0 1 2] [--doubled 0] [--python PATH]

A program is sound when, for every seed, its last validation loss is at most 1.1 of the best of its epochs, and
twice the epochs bring the validation loss down by less than 10 %. README.md says what a program must print.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
SEED = re.compile(r'(manual_seed\(|"--seed", type=int, default=|\bseed ?= ?|\bSEED = )(\d+)')
EPOCHS = re.compile(r'("--epochs", type=int, default=|\bepochs ?= ?|\bEPOCHS = )(\d+)')
LINE = re.compile(r"^epoch\b.*?\bval loss[:=]? +(\S+?),?(?:\s|$)", re.M)


def variant(source, seed, times):
    """The program with its seeds changed and its number of epochs multiplied."""
    source = SEED.sub(lambda m: m[1] + str(10 * int(m[2]) + seed), source)
    source, found = EPOCHS.subn(lambda m: m[1] + str(int(m[2]) * times), source)
    if found != 1:
        raise ValueError(f"{found} places give the number of epochs, not one")
    return source


def losses(source, python):
    """The validation loss of every epoch."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "program.py")
        path.write_text(source)
        done = subprocess.run([python, "-W", "ignore", str(path)], capture_output=True, text=True, timeout=300,
                              env=dict(os.environ, OMP_NUM_THREADS="1"))
    if done.returncode:
        raise ValueError(done.stderr.strip().splitlines()[-1])
    return [float(value) for value in LINE.findall(done.stdout)]


def above_best(curve):
    """Last loss over best loss; losses may be negative (log-likelihoods): then the gap over the range of the curve."""
    best = min(curve)
    return curve[-1] / best if best > 0 else 1 + (curve[-1] - best) / max(max(curve) - best, 1e-9)


def check(folder, seeds, doubled, python):
    source = (folder / "fixed.py").read_text()
    faults, notes = [], []
    for seed in seeds:
        curve = losses(variant(source, seed, 1), python)
        if len(curve) < 3:
            return [f"only {len(curve)} epochs read"], notes
        ratio = above_best(curve)
        notes.append(f"seed {seed}: last {curve[-1]:.4g}, {ratio:.3f} of best")
        if not ratio <= 1.1:
            faults.append(f"seed {seed} ends at {ratio:.2f} of its best")
        if seed in doubled:
            longer = losses(variant(source, seed, 2), python)
            gain = (curve[-1] - longer[-1]) / (abs(curve[-1]) if min(curve) > 0 else max(curve) - min(curve))
            notes.append(f"twice the epochs gain {100 * gain:.1f} %")
            if not gain < 0.1:
                faults.append(f"seed {seed}: twice the epochs gain {100 * gain:.0f} %")
    return faults, notes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--doubled", type=int, nargs="*", default=[0], help="seeds also run with twice the epochs")
    parser.add_argument("--python", default=sys.executable)
    args = parser.parse_args()
    folders = [HERE / i for i in args.ids] or sorted(p.parent for p in HERE.glob("*/fixed.py"))
    unsound = 0
    for folder in folders:
        try:
            faults, notes = check(folder, args.seeds, args.doubled, args.python)
        except (ValueError, subprocess.TimeoutExpired) as error:
            faults, notes = [str(error)], []
        unsound += bool(faults)
        print(f"{folder.name}: {'UNSOUND ' + '; '.join(faults) if faults else 'sound'} ({'; '.join(notes)})", flush=True)
    print(f"{len(folders) - unsound} of {len(folders)} sound")
    return unsound > 0


if __name__ == "__main__":
    sys.exit(main())
