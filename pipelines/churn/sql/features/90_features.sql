-- One row for each customer; the day is replaced as a whole. Run all files in order as one BatchExecuteStatement.
DELETE FROM features.churn WHERE as_of = DATE '${as_of}';

INSERT INTO features.churn
SELECT
    DATE '${as_of}' AS as_of,
    c.subscriber_id,
    CAST(c.tenure_months AS INTEGER) AS tenure_months,
    c.plan_type,
    c.contract,
    c.region,
    c.age_band,
    c.device_tier,
    CAST(c.autopay AS INTEGER) AS autopay,
    CAST(c.plan_changes_90d AS INTEGER) AS plan_changes_90d,
    CAST(c.region_changes_90d AS INTEGER) AS region_changes_90d,
    CAST(COALESCE(u.voice_calls_7d, 0) AS INTEGER) AS voice_calls_7d,
    CAST(COALESCE(u.voice_calls_30d, 0) AS INTEGER) AS voice_calls_30d,
    CAST(COALESCE(u.voice_minutes_7d, 0) AS DOUBLE PRECISION) AS voice_minutes_7d,
    CAST(COALESCE(u.voice_minutes_30d, 0) AS DOUBLE PRECISION) AS voice_minutes_30d,
    CAST(COALESCE(u.sms_7d, 0) AS INTEGER) AS sms_7d,
    CAST(COALESCE(u.sms_30d, 0) AS INTEGER) AS sms_30d,
    CAST(COALESCE(u.data_sessions_7d, 0) AS INTEGER) AS data_sessions_7d,
    CAST(COALESCE(u.data_sessions_30d, 0) AS INTEGER) AS data_sessions_30d,
    CAST(COALESCE(u.data_mb_7d, 0) AS DOUBLE PRECISION) AS data_mb_7d,
    CAST(COALESCE(u.data_mb_30d, 0) AS DOUBLE PRECISION) AS data_mb_30d,
    CAST(COALESCE(u.active_days_7d, 0) AS INTEGER) AS active_days_7d,
    CAST(COALESCE(u.active_days_30d, 0) AS INTEGER) AS active_days_30d,
    CAST(COALESCE(p.partners_7d, 0) AS INTEGER) AS partners_7d,
    CAST(COALESCE(p.partners_30d, 0) AS INTEGER) AS partners_30d,
    CAST(COALESCE(u.cells_30d, 0) AS INTEGER) AS cells_30d,
    CAST(u.voice_trend AS DOUBLE PRECISION) AS voice_trend,
    CAST(u.data_trend AS DOUBLE PRECISION) AS data_trend,
    CAST(u.drop_rate_7d AS DOUBLE PRECISION) AS drop_rate_7d,
    CAST(u.drop_rate_30d AS DOUBLE PRECISION) AS drop_rate_30d,
    CAST(u.data_share_30d AS DOUBLE PRECISION) AS data_share_30d,
    CAST(u.night_share_30d AS DOUBLE PRECISION) AS night_share_30d,
    CAST(p.ported_share_30d AS DOUBLE PRECISION) AS ported_share_30d,
    CAST(n.cell_drop_rate_30d AS DOUBLE PRECISION) AS cell_drop_rate_30d,
    CAST(COALESCE(u.days_since_last_activity, 30) AS DOUBLE PRECISION) AS days_since_last_activity,
    CAST(b.invoice_amount AS DOUBLE PRECISION) AS invoice_amount,
    CAST(b.invoice_amount_mean AS DOUBLE PRECISION) AS invoice_amount_mean,
    CAST(b.overdue_days AS INTEGER) AS overdue_days,
    CAST(b.overdue_days_max AS INTEGER) AS overdue_days_max,
    CAST(COALESCE(k.care_billing_30d, 0) AS INTEGER) AS care_billing_30d,
    CAST(COALESCE(k.care_coverage_30d, 0) AS INTEGER) AS care_coverage_30d,
    CAST(COALESCE(k.care_device_30d, 0) AS INTEGER) AS care_device_30d,
    CAST(COALESCE(k.care_other_30d, 0) AS INTEGER) AS care_other_30d
FROM churn_customers c
LEFT JOIN churn_usage u ON u.subscriber_id = c.subscriber_id
LEFT JOIN churn_partners p ON p.subscriber_id = c.subscriber_id
LEFT JOIN churn_cells n ON n.subscriber_id = c.subscriber_id
LEFT JOIN churn_billing b ON b.subscriber_id = c.subscriber_id
LEFT JOIN churn_care k ON k.subscriber_id = c.subscriber_id;
