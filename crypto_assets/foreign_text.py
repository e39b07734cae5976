"""Text of other programs and of users in messages: one printable line of limited length."""

_MAX_CHARACTERS = 300


def shorten_text(text: object, max_characters: int = _MAX_CHARACTERS) -> str:
    """Return the text as one line of printable characters, cut after `max_characters`.

    Control characters could change the terminal's title or colors, or hide a part of the message;
    they are shown as in Python's source, such as `\\x1b`.
    """
    shown = str(text)[: max_characters + 1]
    line = " ".join("".join(map(_make_printable, shown)).split())
    return line if len(line) <= max_characters else f"{line[:max_characters]}…"


def _make_printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else character.encode("unicode_escape").decode()
