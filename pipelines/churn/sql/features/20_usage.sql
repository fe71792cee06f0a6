-- Sums of each subscriber over 7 and 30 days, and the ratios made of them: null where there is nothing to divide by.
CREATE TEMP TABLE churn_usage DISTKEY (subscriber_id) AS
WITH sums AS (
    SELECT
        subscriber_id,
        COUNT(*) AS events,
        SUM(CASE WHEN kind = 'voice' THEN recent ELSE 0 END) AS voice_calls_7d,
        SUM(CASE WHEN kind = 'voice' THEN 1 ELSE 0 END) AS voice_calls_30d,
        SUM(CASE WHEN kind = 'voice' THEN milliseconds * recent ELSE 0 END) AS milliseconds_7d,
        SUM(CASE WHEN kind = 'voice' THEN milliseconds ELSE 0 END) AS milliseconds_30d,
        SUM(CASE WHEN kind = 'sms' THEN recent ELSE 0 END) AS sms_7d,
        SUM(CASE WHEN kind = 'sms' THEN 1 ELSE 0 END) AS sms_30d,
        SUM(CASE WHEN kind = 'data' THEN recent ELSE 0 END) AS data_sessions_7d,
        SUM(CASE WHEN kind = 'data' THEN 1 ELSE 0 END) AS data_sessions_30d,
        SUM(CASE WHEN kind = 'data' THEN kilobytes * recent ELSE 0 END) AS kilobytes_7d,
        SUM(CASE WHEN kind = 'data' THEN kilobytes ELSE 0 END) AS kilobytes_30d,
        SUM(connection * recent) AS connections_7d,
        SUM(connection) AS connections_30d,
        SUM(drops * recent) AS drops_7d,
        SUM(drops) AS drops_30d,
        SUM(CASE WHEN EXTRACT(hour FROM started_at) < 6 THEN 1 ELSE 0 END) AS night,
        COUNT(DISTINCT CASE WHEN recent = 1 THEN event_day END) AS active_days_7d,
        COUNT(DISTINCT event_day) AS active_days_30d,
        COUNT(DISTINCT cell_id) AS cells_30d,
        MAX(started_at) AS last_started_at
    FROM churn_events
    GROUP BY subscriber_id
)
SELECT
    subscriber_id,
    voice_calls_7d,
    voice_calls_30d,
    milliseconds_7d::FLOAT8 / 60000::FLOAT8 AS voice_minutes_7d,
    milliseconds_30d::FLOAT8 / 60000::FLOAT8 AS voice_minutes_30d,
    sms_7d,
    sms_30d,
    data_sessions_7d,
    data_sessions_30d,
    kilobytes_7d::FLOAT8 / 1000::FLOAT8 AS data_mb_7d,
    kilobytes_30d::FLOAT8 / 1000::FLOAT8 AS data_mb_30d,
    active_days_7d,
    active_days_30d,
    cells_30d,
    (voice_calls_7d * 30)::FLOAT8 / NULLIF(voice_calls_30d * 7, 0)::FLOAT8 AS voice_trend,
    (kilobytes_7d * 30)::FLOAT8 / NULLIF(kilobytes_30d * 7, 0)::FLOAT8 AS data_trend,
    drops_7d::FLOAT8 / NULLIF(connections_7d, 0)::FLOAT8 AS drop_rate_7d,
    drops_30d::FLOAT8 / NULLIF(connections_30d, 0)::FLOAT8 AS drop_rate_30d,
    data_sessions_30d::FLOAT8 / events::FLOAT8 AS data_share_30d,
    night::FLOAT8 / events::FLOAT8 AS night_share_30d,
    DATEDIFF(microsecond, last_started_at, CAST(DATE '${as_of}' AS TIMESTAMP))::FLOAT8 / 86400000000::FLOAT8
        AS days_since_last_activity
FROM sums;
