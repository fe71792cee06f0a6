-- Distinct partners of calls and messages, and the share of contacts with numbers that left the operator.
CREATE TEMP TABLE churn_partners DISTKEY (subscriber_id) AS
SELECT
    subscriber_id,
    COUNT(DISTINCT CASE WHEN recent = 1 THEN partner_id END) AS partners_7d,
    COUNT(DISTINCT partner_id) AS partners_30d,
    SUM(CASE WHEN partner_id LIKE 'ported-%' THEN 1 ELSE 0 END)::FLOAT8 / COUNT(*)::FLOAT8 AS ported_share_30d
FROM churn_events
WHERE kind <> 'data' AND partner_id IS NOT NULL
GROUP BY subscriber_id;
