"""How lively the whole market is: by hour of the day, by weekday, and by the day's own mood."""

import numpy as np

from crypto_assets.exchange.simulated.noise import Floats, Ints, draw_normal, power_of_e, stream_key

# Each UTC hour against the day's mean.
_ASIA = (1.05, 0.95, 0.85, 0.75, 0.70, 0.70, 0.75, 0.85)
_EUROPE = (0.95, 0.95, 0.90, 0.95, 1.10, 1.35, 1.60, 1.60)
_AMERICA = (1.45, 1.25, 1.10, 1.05, 1.05, 1.00, 0.95, 0.95)
_HOURS: Floats = np.array((*_ASIA, *_EUROPE, *_AMERICA))
_WEEKDAY, _WEEKEND = 1.07, 0.75


class MarketActivity:
    """Factors, about 1 in the mean, for minutes (since the epoch) from `first` to `last`."""

    def __init__(self, seed: int, first: int, last: int) -> None:
        self._first_hour = first // 60
        hours = np.arange(self._first_hour, last // 60 + 1)
        day = hours // 24
        days = np.arange(day[0], day[-1] + 1)
        mood = power_of_e(0.3 * draw_normal(stream_key(seed, "mood"), days))
        # 1970-01-01 was a Thursday.
        daily = mood * np.where((days + 3) % 7 >= 5, _WEEKEND, _WEEKDAY)
        self._factors: Floats = daily[day - day[0]] * _HOURS[hours % 24]

    def __call__(self, minutes: Ints) -> Floats:
        return self._factors[minutes // 60 - self._first_hour]
