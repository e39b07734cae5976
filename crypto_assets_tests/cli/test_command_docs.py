"""docs/commands.md is current."""

from crypto_assets.cli.command_docs import render_command_docs
from crypto_assets_tests.project.repository import text


def test_the_page_is_current() -> None:
    assert text("docs/commands.md") == render_command_docs(), (
        "run: python -m crypto_assets.cli.command_docs > docs/commands.md"
    )


def test_every_option_is_shown() -> None:
    page = render_command_docs()
    assert "## simulate-exchange" in page
    assert "--requests-per-minute" in page
    assert page.count("-h, --help") == page.count("```text")
