-- A churn model of Redshift ML (`warehouse.redshift_ml: true`), trained outside the VPC on one day's features whose labels
-- are known. Alone, not in a batch: CREATE MODEL refuses transactions. Ask `SHOW MODEL features.churn_model` until READY.
CREATE MODEL features.churn_model
FROM (
    SELECT f.tenure_months, f.plan_type, f.contract, f.region, f.age_band, f.device_tier, f.autopay,
        f.voice_minutes_30d, f.data_mb_30d, f.active_days_30d, f.partners_30d, f.voice_trend, f.data_trend,
        f.drop_rate_30d, f.ported_share_30d, f.cell_drop_rate_30d, f.days_since_last_activity, f.invoice_amount,
        f.overdue_days, f.care_billing_30d, f.care_coverage_30d, l.churned
    FROM features.churn f
    JOIN (
        SELECT subscriber_id, churned
        FROM telecom.labels
        WHERE as_of = '${as_of}' AND known_on <= '${known_on}'
        QUALIFY ROW_NUMBER() OVER (PARTITION BY subscriber_id ORDER BY known_on DESC) = 1
    ) l ON l.subscriber_id = f.subscriber_id
    WHERE f.as_of = '${as_of}'
)
TARGET churned
FUNCTION predict_churn
IAM_ROLE '${ml_role_arn}'
PROBLEM_TYPE BINARY_CLASSIFICATION
OBJECTIVE 'F1'
SETTINGS (S3_BUCKET '${artifacts_bucket}', MAX_CELLS 1000000, MAX_RUNTIME 3600);
