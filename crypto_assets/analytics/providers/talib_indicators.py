"""Indicators of TA-Lib that have no provider of their own here.

Left out are functions whose values depend on where the input begins, however long it is (AD, NVI,
PVI, PVT, WAD, MAMA, HT_PHASOR, HT_SINE, HT_DCPHASE), or that use later candles (FRACTAL), and those
that divide by volumes, which may be 0 (CMF, MARKETFI, RVOL, VWMA), or lose digits over a long
history (LINEARREG_SLOPE, LINEARREG_ANGLE, VAR).
"""

from crypto_assets.analytics.provider import Panel
from crypto_assets.analytics.talib_functions import (
    Memory,
    TalibFunction,
    build_talib_provider,
)
from crypto_assets.analytics.unit import Unit

_SIGNED_PERCENT = "-100 to 100"
_CHANGE_PERCENT = "percent"
_RATIO = "ratio"
# Enough in random walks; a test compares with a computation over more candles.
_HILBERT_CANDLES = 500
_REVERSAL_CANDLES = 500

_OVERLAPS = (
    TalibFunction("ACCBANDS"),
    TalibFunction("DEMA", memory=Memory.EMA, averages=2),
    TalibFunction("DONCHIAN"),
    TalibFunction("HMA"),
    TalibFunction(
        "HT_TRENDLINE",
        title="Hilbert instantaneous trendline",
        memory=Memory.FIXED,
        candles=_HILBERT_CANDLES,
    ),
    TalibFunction("KAMA", memory=Memory.ADAPTIVE),
    TalibFunction("KC", memory=Memory.WILDER),
    TalibFunction("LINEARREG"),
    TalibFunction("MIDPOINT", title="Midpoint of closes over a period"),
    TalibFunction("MIDPRICE", title="Midpoint of highs and lows over a period"),
    TalibFunction("PERCENTILE"),
    TalibFunction("RMA", memory=Memory.WILDER),
    TalibFunction("SAR", memory=Memory.FIXED, candles=_REVERSAL_CANDLES),
    TalibFunction("SUPERTREND", memory=Memory.FIXED, candles=_REVERSAL_CANDLES, omitted=("trend",)),
    TalibFunction("T3", title="T3 moving average", memory=Memory.EMA, averages=6),
    TalibFunction("TEMA", memory=Memory.EMA, averages=3),
    TalibFunction("TRIMA"),
    TalibFunction("TSF"),
    TalibFunction("WMA"),
    TalibFunction("ZLEMA", title="Zero-lag exponential moving average", memory=Memory.EMA),
    TalibFunction("AVGPRICE"),
    TalibFunction("MEDPRICE"),
    TalibFunction("TYPPRICE"),
    TalibFunction("WCLPRICE"),
)
_MOMENTUM = (
    TalibFunction("AC", unit=Unit.QUOTE, levels=(0,)),
    TalibFunction(
        "ADX", unit=Unit.PERCENT, memory=Memory.WILDER, averages=2, is_ratio=True, levels=(25,)
    ),
    TalibFunction(
        "ADXR", unit=Unit.PERCENT, memory=Memory.WILDER, averages=2, is_ratio=True, levels=(25,)
    ),
    TalibFunction("AO", unit=Unit.QUOTE, levels=(0,)),
    TalibFunction("APO", unit=Unit.QUOTE, memory=Memory.EMA, levels=(0,)),
    TalibFunction("AROON", unit=Unit.PERCENT, levels=(30, 70)),
    TalibFunction("AROONOSC", unit=_SIGNED_PERCENT, levels=(0,)),
    TalibFunction("BOP", unit="-1 to 1 (share of the range)", levels=(0,)),
    TalibFunction("CCI", unit="index", levels=(-100, 100)),
    TalibFunction(
        "CMO", unit=_SIGNED_PERCENT, memory=Memory.WILDER, is_ratio=True, levels=(-50, 50)
    ),
    TalibFunction("CMOU", unit=_SIGNED_PERCENT, levels=(-50, 50)),
    TalibFunction("COPPOCK", unit=_CHANGE_PERCENT, levels=(0,)),
    TalibFunction("DPO", unit=Unit.QUOTE, levels=(0,)),
    TalibFunction("DX", unit=Unit.PERCENT, memory=Memory.WILDER, is_ratio=True),
    TalibFunction("ER", unit="0 to 1"),
    TalibFunction("ERI", title="Elder ray index", unit=Unit.QUOTE, memory=Memory.EMA, levels=(0,)),
    TalibFunction("FOSC", unit=_CHANGE_PERCENT, levels=(0,)),
    TalibFunction("IMI", unit=Unit.PERCENT, levels=(30, 70)),
    TalibFunction(
        "KDJ",
        unit="index",
        memory=Memory.WILDER,
        averages=2,
        averaged=("slowk_period", "slowd_period"),
        levels=(20, 80),
    ),
    TalibFunction("MFI", unit=Unit.PERCENT, levels=(20, 80)),
    TalibFunction("MINUS_DI", unit=Unit.PERCENT, memory=Memory.WILDER, is_ratio=True),
    TalibFunction("MOM", unit=Unit.QUOTE, levels=(0,)),
    TalibFunction("PLUS_DI", unit=Unit.PERCENT, memory=Memory.WILDER, is_ratio=True),
    TalibFunction("PPO", unit=_CHANGE_PERCENT, memory=Memory.EMA, levels=(0,)),
    TalibFunction("QSTICK", unit=Unit.QUOTE, levels=(0,)),
    TalibFunction("ROC", title="Rate of change", unit=_CHANGE_PERCENT, levels=(0,)),
    TalibFunction("SMI", unit=_SIGNED_PERCENT, memory=Memory.EMA, averages=3, levels=(-40, 40)),
    TalibFunction("STOCHF", unit=Unit.PERCENT, levels=(20, 80)),
    TalibFunction(
        "STOCHRSI", unit=Unit.PERCENT, memory=Memory.WILDER, is_ratio=True, levels=(20, 80)
    ),
    TalibFunction(
        "TRIX",
        title="Rate of change of a triple exponential average",
        unit=_CHANGE_PERCENT,
        memory=Memory.EMA,
        averages=3,
        levels=(0,),
    ),
    TalibFunction("TSI", unit=_SIGNED_PERCENT, memory=Memory.EMA, averages=2, levels=(0,)),
    TalibFunction("ULTOSC", unit=Unit.PERCENT, levels=(30, 70)),
    TalibFunction("VHF", unit=_RATIO),
    TalibFunction("VORTEX", unit=_RATIO, levels=(1,)),
    TalibFunction("WILLR", unit="-100 to 0", levels=(-80, -20)),
)
_OTHERS = (
    TalibFunction("ADOSC", unit=Unit.BASE, memory=Memory.EMA, levels=(0,)),
    TalibFunction("EFI", unit=Unit.QUOTE, memory=Memory.EMA, levels=(0,)),
    TalibFunction("PVO", unit=_CHANGE_PERCENT, memory=Memory.EMA, levels=(0,)),
    TalibFunction("ADR", unit=Unit.QUOTE),
    TalibFunction("AVGDEV", panel=Panel.BELOW),
    TalibFunction("CVI", unit=_CHANGE_PERCENT, memory=Memory.EMA, levels=(0,)),
    TalibFunction(
        "MASSI",
        unit=_RATIO,
        memory=Memory.EMA,
        averages=2,
        averaged=("fast_period",),
        levels=(27,),
    ),
    TalibFunction("NATR", unit=_CHANGE_PERCENT, memory=Memory.WILDER),
    TalibFunction("RVI", unit=Unit.PERCENT, memory=Memory.WILDER, is_ratio=True, levels=(50,)),
    TalibFunction("TRANGE", unit=Unit.QUOTE),
    TalibFunction(
        "HT_DCPERIOD",
        title="Hilbert dominant cycle period",
        unit="candles",
        memory=Memory.FIXED,
        candles=_HILBERT_CANDLES,
    ),
    TalibFunction("PERCENTRANK", unit=Unit.PERCENT),
    TalibFunction("STDDEV", unit=Unit.QUOTE),
)

GENERATED_PROVIDERS = tuple(
    build_talib_provider(function) for function in (*_OVERLAPS, *_MOMENTUM, *_OTHERS)
)
