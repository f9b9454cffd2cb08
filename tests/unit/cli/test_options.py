"""Options that several commands share: what is given, and what is given and empty."""

from __future__ import annotations

import click
import pytest

from harness.cli import options


@click.command()
@click.option("--models", callback=options.names)
@options.STORE
def command(models: tuple[str, ...], store: str | None) -> tuple[tuple[str, ...], str | None]:
    """What the options come to."""
    return models, store


@pytest.mark.parametrize(
    ("args", "models", "store"),
    [
        ([], (), None),
        (["--models", "a, b,"], ("a", "b"), None),
        (["--store", "a.db"], (), "a.db"),
    ],
    ids=["none", "names", "store"],
)
def test_an_option_is_what_it_says(
    args: list[str], models: tuple[str, ...], store: str | None
) -> None:
    assert command.main(args, standalone_mode=False) == (models, store)


@pytest.mark.parametrize("option", ["--models", "--store"])
@pytest.mark.parametrize("value", ["", " ", " , "], ids=["empty", "blank", "comma"])
def test_an_option_that_is_given_and_empty_is_refused(option: str, value: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        command.main([option, value], standalone_mode=False)
    said = caught.value.format_message()
    assert f"'{option}': it is empty; leave the option out, or give it a value" in said
