"""`python -m diagnose`: the same as the `diagnose` command, with the interpreter's own options in front.

For example `python -X dev -W error -m diagnose run train.py`.
"""

from diagnose.cli import main

if __name__ == "__main__":  # a spawned child imports this module under another name
    main()
