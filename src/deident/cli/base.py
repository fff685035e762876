"""What all commands have in common: help goes through `output`, empty text is refused."""

from __future__ import annotations

import click

from deident.cli import output


class Command(click.Command):
    """A command that prints through `output` and takes no empty text.

    An empty argument or option is what an unset shell variable leaves: it would be taken for the
    working folder, or for nothing having been said.
    """

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option of click, which prints our way."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and refuse empty text.

        Raises:
            click.BadParameter: an argument or option is empty.
        """
        rest = super().parse_args(ctx, args)
        for param in self.get_params(ctx):
            value = ctx.params.get(param.name or "")
            if "" in (value if isinstance(value, tuple) else (value,)):
                raise click.BadParameter("it is empty.", ctx, param)
        return rest


class Group(Command, click.Group):
    """A group of commands; called alone it prints its help and ends well, as `deident` does."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, or print help where there is nothing to parse."""
        if not args:
            print_and_exit(ctx, ctx.get_help())
        return super().parse_args(ctx, args)


def _show_help(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        print_and_exit(ctx, ctx.get_help())


def print_and_exit(ctx: click.Context, text: str) -> None:
    """Print text and end the command well, also when nobody reads to its end."""
    try:
        for line in text.split("\n"):
            output.line(line)
        output.flush()
    except BrokenPipeError:
        output.silence_stdout()
    ctx.exit()
