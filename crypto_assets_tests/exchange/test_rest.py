"""The REST client without klines: time, symbols and order book."""

from decimal import Decimal

import orjson
import pytest

from crypto_assets.errors import (
    ExchangeUnavailable,
    RequestRejected,
    UnknownSymbol,
)
from crypto_assets.exchange import BinanceRest
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets_tests.exchange import responses
from crypto_assets_tests.exchange.conftest import RETRY, Client, Serve
from crypto_assets_tests.exchange.responses import JSON, info_answer, listing
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.scripted import Answer, Request, Respond, in_turn

BOOK = (
    b'{"lastUpdateId":50093239218, "bids":[["61837.63000000","3.78826"]], "asks":[["61838","1"]]}'
)


def listed(*symbols: dict[str, object]) -> Respond:
    """Respond to exchangeInfo as the exchange does: one unknown symbol fails the request."""

    def respond(request: Request) -> Answer:
        text = request.query.get("symbols", "[]")
        wanted = orjson.loads(text) or [entry["symbol"] for entry in symbols]
        found = [entry for entry in symbols if entry["symbol"] in wanted]
        if len(found) < len(wanted):
            return Answer(400, responses.INVALID_SYMBOL, JSON)
        return info_answer(*found)

    return respond


MARKET = listed(listing("BTCUSDT", "BTC"), listing("ETHUSDT", "ETH", "HALT"))


def test_symbols_are_typed(serve: Serve) -> None:
    info = BinanceRest(serve(MARKET).url, RETRY).fetch_exchange_info(["BTCUSDT"])
    assert info.symbols == {
        "BTCUSDT": Symbol("BTCUSDT", "BTC", "USDT", SymbolStatus.TRADING, Decimal("0.01"))
    }
    assert info.weight_limit == 6000


def test_all_symbols_and_their_status(serve: Serve) -> None:
    symbols = BinanceRest(serve(MARKET).url, RETRY).fetch_exchange_info().symbols
    assert {name: symbol.status for name, symbol in symbols.items()} == {
        "BTCUSDT": SymbolStatus.TRADING,
        "ETHUSDT": SymbolStatus.HALT,
    }


def test_an_unknown_status_counts_as_not_trading(serve: Serve) -> None:
    server = serve(listed(listing("BTCUSDT", "BTC", "POST_ONLY_SUNDAYS")))
    symbols = BinanceRest(server.url, RETRY).fetch_exchange_info().symbols
    assert symbols["BTCUSDT"].status is SymbolStatus.BREAK


def test_the_error_names_all_unknown_symbols(serve: Serve) -> None:
    server = serve(MARKET)
    with pytest.raises(UnknownSymbol, match=r"does not list NOPEUSDT, WHATBTC: check"):
        BinanceRest(server.url, RETRY).fetch_exchange_info(["BTCUSDT", "NOPEUSDT", "WHATBTC"])
    assert len(server.requests) == 2


def test_names_match_in_any_case_and_impossible_names_are_refused(serve: Serve) -> None:
    server = serve(MARKET)
    rest = BinanceRest(server.url, RETRY)
    assert list(rest.fetch_exchange_info(["btcusdt "]).symbols) == ["BTCUSDT"]
    with pytest.raises(UnknownSymbol, match="cannot be a symbol"):
        rest.fetch_exchange_info(["BTC/USDT"])
    assert len(server.requests) == 1


def test_many_symbols_take_one_request(serve: Serve) -> None:
    names = [f"COIN{n}USDT" for n in range(150)]
    server = serve(listed(*(listing(name, name) for name in [*names, "OTHERUSDT"])))
    assert list(BinanceRest(server.url, RETRY).fetch_exchange_info(names).symbols) == names
    assert len(server.requests) == 1


def test_names_of_other_scripts_are_sent_percent_encoded(serve: Serve) -> None:
    names = ["币安人生USDT", "龍" * 45 + "\U00020bb7USDT"]
    server = serve(listed(*(listing(name, name[:-4]) for name in ["BTCUSDT", *names])))
    found = BinanceRest(server.url, RETRY).fetch_exchange_info(names).symbols
    assert list(found) == names
    assert found[names[1]].base == names[1][:-4]
    assert [orjson.loads(request.query["symbols"]) for request in server.requests] == [names]


def test_names_too_long_for_an_address_are_selected_from_all_symbols(serve: Serve) -> None:
    names = ["龍" * 44 + f"{n:02}USDT" for n in range(40)]
    server = serve(listed(*(listing(name, name[:-4]) for name in [*names, "BTCUSDT"])))
    assert (
        list(BinanceRest(server.url, RETRY).fetch_exchange_info(names[::-1]).symbols) == names[::-1]
    )
    assert [request.query for request in server.requests] == [{}]


def test_a_name_is_found_in_the_exchanges_spelling(serve: Serve) -> None:
    server = serve(listed(listing("\u00c9USDT", "\u00c9"), listing("ЩИПUSDT", "ЩИП")))
    rest = BinanceRest(server.url, RETRY)
    assert list(rest.fetch_exchange_info(["e\u0301usdt", "щипusdt"]).symbols) == [
        "\u00c9USDT",
        "ЩИПUSDT",
    ]


def test_an_error_shows_the_symbol_decoded(client: Client) -> None:
    rest, _ = client(in_turn(Answer(400, responses.INVALID_SYMBOL, JSON)))
    with pytest.raises(RequestRejected, match=r"symbol=币安人生USDT&limit=20 is rejected: Invalid"):
        rest.fetch_depth("币安人生USDT", 20)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"rateLimits":[],"symbols":[]}', b'{"rateLimits":[{}],"symbols":[]}']
)
def test_another_response_instead_of_exchange_info_is_malformed(serve: Serve, body: bytes) -> None:
    server = serve(in_turn(Answer(200, body, JSON)))
    with pytest.raises(ExchangeUnavailable, match="malformed"):
        BinanceRest(server.url, RETRY).fetch_exchange_info()


def test_a_book_is_the_response_byte_for_byte(client: Client) -> None:
    rest, server = client(in_turn(Answer(200, BOOK, JSON)))
    assert rest.fetch_depth("BTCUSDT", 20) == BOOK
    assert server.requests[-1].query == {"symbol": "BTCUSDT", "limit": "20"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"bids":[],"asks":[]}',
        b'{"lastUpdateId":"1","bids":[],"asks":[]}',
        b'{"lastUpdateId":1,"bids":[["1.0"]],"asks":[]}',
        b'{"lastUpdateId":1,"bids":[[1.0,2.0]],"asks":[]}',
        b'{"lastUpdateId":1,"bids":null,"asks":[]}',
        BOOK[:-3],
    ],
)
def test_another_response_instead_of_a_book_is_malformed(client: Client, body: bytes) -> None:
    rest, _ = client(in_turn(Answer(200, body, JSON)))
    with pytest.raises(ExchangeUnavailable, match="malformed"):
        rest.fetch_depth("BTCUSDT", 20)


def test_the_client_reads_the_simulated_exchange(simulated_exchange: StartExchange) -> None:
    rest = BinanceRest(simulated_exchange().url, RETRY)
    assert rest.fetch_server_time() == NOON
    info = rest.fetch_exchange_info(["BTCUSDT", "SHIBUSDT"])
    assert info.symbols["SHIBUSDT"].tick_size == Decimal("0.00000001")
    assert info.weight_limit == 6000
    with pytest.raises(UnknownSymbol, match="does not list NOPEUSDT"):
        rest.fetch_exchange_info(["BTCUSDT", "NOPEUSDT"])
    assert len(orjson.loads(rest.fetch_depth("BTCUSDT", 20))["bids"]) == 20
    with pytest.raises(RequestRejected) as error:
        rest.fetch_depth("NOPEUSDT", 20)
    assert error.value.code == -1121
