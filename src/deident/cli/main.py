"""The command `deident`: a table of commands that are imported when they are called, and the one
place where errors become a line and an exit code."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import click

from deident.cli import output
from deident.cli.base import Group, print_and_exit
from deident.cli.exits import ExitCode
from deident.errors import DeidentError, place_of

# name: (module:attribute of the click command, one line for --help)
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("deident.cli.run:run", "De-identify files and folders."),
    "show": ("deident.cli.show:show", "Show what is in files, element by element."),
    "scan": ("deident.cli.scan:scan", "Sum up what lies in folders, and what looks risky."),
    "plan": ("deident.cli.plan:plan", "Say what a run would change, or another profile."),
    "diff": ("deident.cli.diff:diff", "Compare originals with what was made of them."),
    "compare": ("deident.cli.compare:compare", "Check that the science in the files survived."),
    "verify": ("deident.cli.verify:verify", "Look at outputs as if somebody else had made them."),
    "profile": ("deident.cli.profile:profile_group", "Look at profiles, check and compare them."),
    "project": ("deident.cli.project:project", "Make and look at projects: keys, runs, mappings."),
    "runs": ("deident.cli.runs:runs", "List the runs of a project, undo or confirm one."),
    "report": ("deident.cli.report:report", "Say what a run has come to, for people to read."),
    "demo": ("deident.cli.demo:demo", "Show Deident at work on an invented study."),
}


class _LazyGroup(Group):
    """Imports a command's module when the command is called, not for `--help`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Read the command line, which may print help; see `invoke`."""
        try:
            return super().make_context(*arguments, **more)
        except BrokenPipeError:
            output.silence_stdout()
            raise click.exceptions.Exit(ExitCode.DONE) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; one whose reader has gone did not get to its end, and says so."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            output.silence_stdout()
            return ExitCode.READER_GONE

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from deident._version import __version__

        print_and_exit(ctx, f"deident {__version__}")


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 unexpected, 2 usage, 3 some quarantined, 4 findings to review, "
    "5 nothing to do, 130 and 143 interrupted, 141 output closed.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version and exit.",
)  # fmt: skip
def command_line() -> None:
    """Remove from DICOM files what identifies a patient, and prove that it is gone."""


def main(arguments: list[str]) -> int:
    """Run one command; every error becomes one line on stderr and an exit code."""
    output.prepare_streams()
    try:
        result = command_line.main(arguments, prog_name="deident", standalone_mode=False)
        _flush()
    except BrokenPipeError:
        output.silence_stdout()
        return ExitCode.READER_GONE
    except (click.exceptions.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        output.error(_message(error), "usage")
        return error.exit_code
    except DeidentError as error:
        output.error(str(error), error.code)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 (the border of the process)
        return _unexpected(error)
    return result if isinstance(result, int) else ExitCode.DONE


def _flush() -> None:
    """Write the rest of what was said; whether somebody reads it changes nothing any more."""
    try:
        output.flush()
    except BrokenPipeError:
        output.silence_stdout()


def _message(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    if context is None:
        return text
    end = "" if text.endswith((".", "?")) else "."
    return f"{text}{end} See '{context.command_path} --help'."


def _is_somewhere() -> bool:
    """Whether the current folder still exists."""
    try:
        os.getcwd()  # noqa: PTH109 - pathlib takes long to load
    except FileNotFoundError:
        return False
    return True


def _unexpected(error: Exception) -> int:
    """Tell of an error that nobody foresaw, without the values that its message may hold."""
    if isinstance(error, FileNotFoundError) and not _is_somewhere():
        output.error("the current folder no longer exists; change to another one", "usage")
        return ExitCode.USAGE
    if os.environ.get("DEIDENT_DEBUG"):
        raise error
    text = f"an unexpected error: {place_of(error)}; DEIDENT_DEBUG=1 shows more"
    output.error(text, "unexpected")
    return ExitCode.UNEXPECTED
