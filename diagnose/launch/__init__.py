"""Run somebody's program exactly as `python program` would.

Everything the program can see or do is as under plain python: its `__main__`, `sys.argv`, `sys.path`, its tracebacks,
exit status, signals, child processes and atexit handlers. Known differences: a few frames of ours lie under the
program's outermost frame (seen by `inspect.stack` and by a `stacklevel` that points beyond the program), and
`sys.orig_argv` tells the truth about the command line. While a training is observed, a traceback that passes through a
network shows torch's longer way of calling a module that has hooks: other lines of `torch/nn/modules/module.py`.
"""

from diagnose.launch.ending import End
from diagnose.launch.execute import execute
from diagnose.launch.imported import forget
from diagnose.launch.target import Target, advice, check, folder_of

__all__ = ["End", "Target", "advice", "check", "execute", "folder_of", "forget"]
