"""Find the commands: one file each beside this one, imported only when it is asked for."""

import importlib
import pkgutil

import click

import diagnose


class Commands(click.Group):
    """A group whose commands are the modules of `diagnose.cli` that hold a click command of their own name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        import diagnose.cli

        return sorted(found.name for found in pkgutil.iter_modules(diagnose.cli.__path__) if found.name[0] != "_")

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        command = getattr(importlib.import_module(f"diagnose.cli.{name}"), name, None)
        return command if isinstance(command, click.Command) else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(diagnose.__version__, prog_name="diagnose")
def commands() -> None:
    """Says why a PyTorch network trains badly, and what to change."""
