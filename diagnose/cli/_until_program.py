"""A click command that reads its options only up to the program it is to run."""

import click


class UntilProgram(click.Command):
    """Everything after the program, or after `-m MODULE`, is the program's: also `--help`, unknown options and `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._fenced(args))

    def _fenced(self, args: list[str]) -> list[str]:
        """Put `--` behind `-m MODULE`: click's parser would read on after an option.

        Flags may be joined (`-qm pkg`) and a value to its option (`-mpkg`), as for python itself.
        """
        place = 0
        while place < len(args):
            word = args[place]
            if word in ("-", "--") or not word.startswith("-"):
                break  # the program, where click stops by itself
            if word.startswith("--"):
                place += 1 + self._takes_value(word)
                continue
            for at, letter in enumerate(word[1:], 2):
                value_follows = at == len(word)
                if letter == "m":
                    end = place + 1 + value_follows
                    return [*args[:end], "--", *args[end:]] if end <= len(args) else args
                if self._takes_value(f"-{letter}"):
                    place += value_follows
                    break
            place += 1
        return args

    def _takes_value(self, name: str) -> bool:
        return any(
            isinstance(option, click.Option) and name in option.opts and not option.is_flag for option in self.params
        )
