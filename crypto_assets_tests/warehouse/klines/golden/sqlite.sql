-- Generated: python -m crypto_assets_tests.warehouse.klines.test_rollup_sql

-- Hours from minutes
SELECT 7 AS symbol_id,
    period.open_time AS open_time,
    first_part.open AS open,
    period.high AS high,
    period.low AS low,
    last_part.close AS close,
    period.volume AS volume,
    period.open_time + 3599999 AS close_time,
    period.quote_volume AS quote_volume,
    period.trade_count AS trade_count,
    period.taker_buy_volume AS taker_buy_volume,
    period.taker_buy_quote_volume AS taker_buy_quote_volume,
    period.minute_count AS minute_count
FROM (
    SELECT listed.open_time AS open_time,
        coalesce(min(CASE WHEN (fact_klines.volume > 0.0) THEN fact_klines.open_time END), min(fact_klines.open_time)) AS first_time,
        max(fact_klines.open_time) AS last_time,
        coalesce(max(CASE WHEN (fact_klines.volume > 0.0) THEN fact_klines.high END), max(fact_klines.high)) AS high,
        coalesce(min(CASE WHEN (fact_klines.volume > 0.0) THEN fact_klines.low END), min(fact_klines.low)) AS low,
        sum(fact_klines.volume) AS volume,
        sum(fact_klines.quote_volume) AS quote_volume,
        sum(fact_klines.trade_count) AS trade_count,
        sum(fact_klines.taker_buy_volume) AS taker_buy_volume,
        sum(fact_klines.taker_buy_quote_volume) AS taker_buy_quote_volume,
        count(fact_klines.open_time) AS minute_count
    FROM (
        SELECT stale_hours.open_time AS open_time
        FROM stale_hours
        WHERE stale_hours.symbol_id = 7 AND stale_hours.open_time >= 1735689600000 AND stale_hours.open_time < 1735776000000 AND stale_hours.hour_done = 0
    ) AS listed
    JOIN fact_klines ON fact_klines.symbol_id = 7 AND fact_klines.open_time >= listed.open_time AND fact_klines.open_time < listed.open_time + 3600000
    GROUP BY listed.open_time
) AS period
JOIN fact_klines AS first_part ON first_part.symbol_id = 7 AND first_part.open_time = period.first_time
JOIN fact_klines AS last_part ON last_part.symbol_id = 7 AND last_part.open_time = period.last_time;

-- Days from hours
SELECT 7 AS symbol_id,
    period.open_time AS open_time,
    first_part.open AS open,
    period.high AS high,
    period.low AS low,
    last_part.close AS close,
    period.volume AS volume,
    period.open_time + 86399999 AS close_time,
    period.quote_volume AS quote_volume,
    period.trade_count AS trade_count,
    period.taker_buy_volume AS taker_buy_volume,
    period.taker_buy_quote_volume AS taker_buy_quote_volume,
    period.minute_count AS minute_count
FROM (
    SELECT listed.open_time AS open_time,
        coalesce(min(CASE WHEN (hourly_klines.volume > 0.0) THEN hourly_klines.open_time END), min(hourly_klines.open_time)) AS first_time,
        max(hourly_klines.open_time) AS last_time,
        coalesce(max(CASE WHEN (hourly_klines.volume > 0.0) THEN hourly_klines.high END), max(hourly_klines.high)) AS high,
        coalesce(min(CASE WHEN (hourly_klines.volume > 0.0) THEN hourly_klines.low END), min(hourly_klines.low)) AS low,
        sum(hourly_klines.volume) AS volume,
        sum(hourly_klines.quote_volume) AS quote_volume,
        sum(hourly_klines.trade_count) AS trade_count,
        sum(hourly_klines.taker_buy_volume) AS taker_buy_volume,
        sum(hourly_klines.taker_buy_quote_volume) AS taker_buy_quote_volume,
        sum(hourly_klines.minute_count) AS minute_count
    FROM (
        SELECT days.open_time AS open_time
        FROM (
            SELECT stale_hours.open_time - stale_hours.open_time % 86400000 AS open_time,
                stale_hours.hour_done AS hour_done
            FROM stale_hours
            WHERE stale_hours.symbol_id = 7 AND stale_hours.open_time >= 1735689600000 AND stale_hours.open_time < 1735776000000
        ) AS days
        GROUP BY days.open_time
        HAVING min(days.hour_done) = 1
    ) AS listed
    JOIN hourly_klines ON hourly_klines.symbol_id = 7 AND hourly_klines.open_time >= listed.open_time AND hourly_klines.open_time < listed.open_time + 86400000
    GROUP BY listed.open_time
) AS period
JOIN hourly_klines AS first_part ON first_part.symbol_id = 7 AND first_part.open_time = period.first_time
JOIN hourly_klines AS last_part ON last_part.symbol_id = 7 AND last_part.open_time = period.last_time;

-- Candles of five minutes, to be read
SELECT period.open_time AS open_time,
    first_part.open AS open,
    period.high AS high,
    period.low AS low,
    last_part.close AS close,
    period.volume AS volume,
    period.open_time + 299999 AS close_time,
    period.quote_volume AS quote_volume,
    period.trade_count AS trade_count,
    period.taker_buy_volume AS taker_buy_volume,
    period.taker_buy_quote_volume AS taker_buy_quote_volume
FROM (
    SELECT half.half - half.half % 2 AS open_time,
        coalesce(min(CASE WHEN (half.half % 2 = 0) THEN half.first_time END), min(half.first_time)) AS first_time,
        max(half.last_time) AS last_time,
        coalesce(max(CASE WHEN (half.half % 2 = 0) THEN half.high END), max(half.high)) AS high,
        coalesce(min(CASE WHEN (half.half % 2 = 0) THEN half.low END), min(half.low)) AS low,
        sum(half.volume) AS volume,
        sum(half.quote_volume) AS quote_volume,
        sum(half.trade_count) AS trade_count,
        sum(half.taker_buy_volume) AS taker_buy_volume,
        sum(half.taker_buy_quote_volume) AS taker_buy_quote_volume
    FROM (
        SELECT (fact_klines.open_time - fact_klines.open_time % 300000) + CASE WHEN (fact_klines.volume > 0.0) THEN 0 ELSE 1 END AS half,
            min(fact_klines.open_time) AS first_time,
            max(fact_klines.open_time) AS last_time,
            max(fact_klines.high) AS high,
            min(fact_klines.low) AS low,
            sum(fact_klines.volume) AS volume,
            sum(fact_klines.quote_volume) AS quote_volume,
            sum(fact_klines.trade_count) AS trade_count,
            sum(fact_klines.taker_buy_volume) AS taker_buy_volume,
            sum(fact_klines.taker_buy_quote_volume) AS taker_buy_quote_volume
        FROM fact_klines
        WHERE fact_klines.symbol_id = 7 AND fact_klines.open_time >= 1735689600000 AND fact_klines.open_time < 1735776000000
        GROUP BY (fact_klines.open_time - fact_klines.open_time % 300000) + CASE WHEN (fact_klines.volume > 0.0) THEN 0 ELSE 1 END
    ) AS half
    GROUP BY half.half - half.half % 2
) AS period
JOIN fact_klines AS first_part ON first_part.symbol_id = 7 AND first_part.open_time = period.first_time
JOIN fact_klines AS last_part ON last_part.symbol_id = 7 AND last_part.open_time = period.last_time;

-- Volumes of weeks, to be read
SELECT period.open_time AS open_time,
    period.volume AS volume
FROM (
    SELECT hourly_klines.open_time - (hourly_klines.open_time - 345600000) % 604800000 AS open_time,
        sum(hourly_klines.volume) AS volume
    FROM hourly_klines
    WHERE hourly_klines.symbol_id = 7 AND hourly_klines.open_time >= 1735689600000 AND hourly_klines.open_time < 1735776000000
    GROUP BY hourly_klines.open_time - (hourly_klines.open_time - 345600000) % 604800000
) AS period;
