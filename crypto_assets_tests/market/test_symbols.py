"""Symbol names in any script, and the symbols that typed text can mean."""

import pytest

from crypto_assets.errors import UnknownSymbol
from crypto_assets.market.symbols import is_symbol, list_possible_symbols, parse_symbol

COMPOSED, DECOMPOSED = "\u00c9USDT", "E\u0301USDT"  # they look the same


@pytest.mark.parametrize(
    "name",
    [
        *("BTCUSDT", "1000SATSUSDT", "A-B_C.D", "X", "B" * 50),
        *("币安人生USDT", "龍" * 45 + "\U00020bb7USDT", COMPOSED, DECOMPOSED),
        *("हिन्दीUSDT", "ไทยกำUSDT", "خ\u200cشUSDT", "éTéUSDT", "\u0663USDT"),
    ],
)
def test_a_symbol_may_have_word_characters_of_any_script(name: str) -> None:
    assert is_symbol(name)
    assert parse_symbol(name) == name, "spelled as the exchange spells it"


@pytest.mark.parametrize(
    "text",
    [
        *("", "btcusdt", "BTCusdt", "B" * 51, "BTC/USDT", "BTC USDT", "BTC|USDT", "BTC,ETH"),
        *("BTC\n", "BTC\0", "\u200bBTC", "BTC€", "🚀USDT", "BTC%41", '"BTC"'),
        *(".", "..", "A...B"),
    ],
)
def test_other_text_is_not_a_symbol(text: str) -> None:
    assert not is_symbol(text)


@pytest.mark.parametrize("text", ["", "  ", "BTC/USDT", "..", "A...B", "B" * 51, None, 7])
def test_the_error_describes_a_valid_symbol(text: object) -> None:
    with pytest.raises(UnknownSymbol, match=r"use letters and digits as in BTCUSDT, at most 50"):
        parse_symbol(text)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        *((" btcusdt ", "BTCUSDT"), ("BtcUsdt", "BTCUSDT"), ("币安人生usdt", "币安人生USDT")),
        # Other letters keep their case: the exchange may list a symbol in lower case too.
        *(("étéusdt", "éTéUSDT"), ("straßeusdt", "STRAßEUSDT"), ("e\u0301usdt", DECOMPOSED)),
    ],
)
def test_ascii_letters_may_be_typed_in_lower_case(typed: str, name: str) -> None:
    assert parse_symbol(typed) == name


def test_typed_text_matches_the_known_symbol_of_the_closest_spelling() -> None:
    assert parse_symbol("e\u0301usdt", {COMPOSED}) == COMPOSED
    assert parse_symbol("e\u0301usdt", {COMPOSED, DECOMPOSED}) == DECOMPOSED, (
        "the closest spelling first"
    )
    assert parse_symbol("щипusdt", {"ЩИПUSDT"}) == "ЩИПUSDT"
    assert parse_symbol("щипusdt", {"щипUSDT", "ЩИПUSDT"}) == "щипUSDT"
    assert parse_symbol(COMPOSED, {DECOMPOSED}) == COMPOSED, "one symbol never matches another"
    assert parse_symbol("nopeusdt", {COMPOSED}) == "NOPEUSDT"


def test_a_decomposed_name_that_is_too_long_is_composed() -> None:
    typed = "\u1112\u1161\u11ab" * 46 + "USDT"  # three characters per syllable
    assert list_possible_symbols(typed) == ("\ud55c" * 46 + "USDT",)
