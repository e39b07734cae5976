"""Words of errors as Markdown: addresses and commands as code, and nothing that leads away."""

import pytest
from markdown_it import MarkdownIt

from streamlit_app.components.notices import format_sentence

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("no symbol FOO_BAR: check it", "No symbol FOO_BAR: check it."),
        ("start it with `crypto-assets up`", "Start it with `crypto-assets up`."),
        ("it costs $5 or $6!", r"It costs \$5 or \$6!"),
        ("http://host:3000/x: is it up?", "`http://host:3000/x`: is it up?"),
        ("see (https://host/a_b_c).", "See (`https://host/a_b_c`)."),
        ("two\nlines", "Two lines."),
    ],
)
def test_a_sentence_reads_as_it_was_meant(said: str, shown: str) -> None:
    assert format_sentence(said) == shown


@pytest.mark.parametrize(
    "said",
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
def test_what_others_wrote_is_shown_and_not_interpreted(said: str) -> None:
    tokens = MARKDOWN.parse(f"**Title.** {format_sentence(said)}")
    assert [one.type for one in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    kinds = {one.type for one in (tokens[1].children or ())[5:]}
    assert kinds <= {"text", "text_special", "code_inline"}
    for kind in ("link_open", "image", "html_inline"):
        assert kind not in kinds


@pytest.mark.parametrize(
    "said", ["go to www.evil.example now", "HTTPS://evil.example", "write to a@evil.example"]
)
def test_what_streamlit_would_link_by_itself_is_code(said: str) -> None:
    (inline,) = [one for one in MARKDOWN.parse(format_sentence(said)) if one.type == "inline"]
    assert all(
        "evil" not in one.content or one.type == "code_inline" for one in inline.children or ()
    )
