"""Write docs/reference/cli.md: the help of every command.

`--check` only compares and fails when the page is not what it must be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from deident.cli.main import COMMANDS, command_line

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
_WIDTH = 96

_HEAD = """\
# Command line

Generated from the help of the commands by `tools/docs_cli.py`. Results go to stdout, progress and
errors to stderr. [Exit codes](exit-codes.md) and the [codes](codes.md) at the end of error lines
are the same for all commands.
"""


def _help(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    """The help of a command and of those below it, in Markdown."""
    context = click.Context(
        command,
        parent=parent,
        info_name=name,
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        **command.context_settings,
    )
    level = "#" * (1 + len(context.command_path.split()))
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"{level} `{context.command_path}`\n\n```text\n{text}\n```\n"
    if isinstance(command, click.Group) and parent is not None:
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None:
                yield from _help(found, below, context)


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *_help(command_line, "deident", None)]
    top = click.Context(command_line, info_name="deident", **command_line.context_settings)
    for name, (place, _) in COMMANDS.items():
        module, _, attribute = place.partition(":")
        parts += _help(getattr(import_module(module), attribute), name, top)
    return "\n".join(parts)


def main() -> None:
    """Write the page, or with `--check` fail when it is not up to date."""
    text = page()
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE} is out of date: run `make docs`")


if __name__ == "__main__":
    main()
