-- Events of the 30 days before the day, with whole numbers instead of fractions, so that sums are exact in any order.
CREATE TEMP TABLE churn_events DISTKEY (subscriber_id) SORTKEY (subscriber_id) AS
SELECT
    subscriber_id,
    cell_id,
    partner_id,
    kind,
    started_at,
    CAST(started_at AS DATE) AS event_day,
    CASE WHEN started_at >= DATEADD(day, -7, DATE '${as_of}') THEN 1 ELSE 0 END AS recent,
    CAST(ROUND(duration_seconds * 1000) AS BIGINT) AS milliseconds,
    CAST(ROUND(data_mb * 1000) AS BIGINT) AS kilobytes,
    CASE WHEN kind <> 'sms' THEN 1 ELSE 0 END AS connection,
    CASE WHEN kind <> 'sms' THEN dropped ELSE 0 END AS drops
FROM telecom.cdr
WHERE started_at >= DATEADD(day, -30, DATE '${as_of}') AND started_at < DATE '${as_of}';
