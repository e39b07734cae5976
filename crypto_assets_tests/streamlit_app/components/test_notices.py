"""Messages as Markdown: addresses and commands are code, and nothing is a link."""

import pytest
from markdown_it import MarkdownIt

from streamlit_app.components.notices import format_sentence

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("no symbol FOO_BAR: check it", "No symbol FOO_BAR: check it."),
        ("start it with `crypto-assets up`", "Start it with `crypto-assets up`."),
        ("it costs $5 or $6!", r"It costs \$5 or \$6!"),
        ("http://host:3000/x: is it up?", "`http://host:3000/x`: is it up?"),
        ("see (https://host/a_b_c).", "See (`https://host/a_b_c`)."),
        ("two\nlines", "Two lines."),
    ],
)
def test_a_message_becomes_a_sentence(message: str, sentence: str) -> None:
    assert format_sentence(message) == sentence


@pytest.mark.parametrize(
    "message",
    [
        "see [this](https://evil.example/x)",
        "![x](https://evil.example/x.png)",
        "<https://evil.example>",
        "<img src=//evil.example/x.png>",
        "[x]: //evil.example\n\n[x]",
        "``[a](//evil.example)`",
        "`a``[b](//evil.example)",
        "a ` b `` [c](//evil.example) ` d",
        r"\`[a](//evil.example)\`",
        "`a`www.evil.example`b [c](//evil.example)",
        "# big *and* __bold__ ~~gone~~",
        "| a |\n|---|\n| b |",
    ],
)
def test_markdown_in_a_message_is_escaped(message: str) -> None:
    tokens = MARKDOWN.parse(f"**Title.** {format_sentence(message)}")
    assert [one.type for one in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    kinds = {one.type for one in (tokens[1].children or ())[5:]}
    assert kinds <= {"text", "text_special", "code_inline"}
    for kind in ("link_open", "image", "html_inline"):
        assert kind not in kinds


@pytest.mark.parametrize(
    "message", ["go to www.evil.example now", "HTTPS://evil.example", "write to a@evil.example"]
)
def test_automatic_links_become_code(message: str) -> None:
    (inline,) = [one for one in MARKDOWN.parse(format_sentence(message)) if one.type == "inline"]
    assert all(
        "evil" not in one.content or one.type == "code_inline" for one in inline.children or ()
    )
