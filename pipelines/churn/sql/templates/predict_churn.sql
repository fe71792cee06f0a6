-- Who of a day's subscribers will leave, by the model of create_churn_model.sql; its arguments are that file's columns.
SELECT f.subscriber_id
FROM features.churn f
WHERE f.as_of = '${as_of}' AND features.predict_churn(
    f.tenure_months, f.plan_type, f.contract, f.region, f.age_band, f.device_tier, f.autopay,
    f.voice_minutes_30d, f.data_mb_30d, f.active_days_30d, f.partners_30d, f.voice_trend, f.data_trend,
    f.drop_rate_30d, f.ported_share_30d, f.cell_drop_rate_30d, f.days_since_last_activity, f.invoice_amount,
    f.overdue_days, f.care_billing_30d, f.care_coverage_30d
) = 1
ORDER BY f.subscriber_id;
