-- The version of each customer that held at the end of the day before, and how often plan and region changed.
CREATE TEMP TABLE churn_customers DISTKEY (subscriber_id) AS
WITH past AS (
    SELECT
        *,
        LAG(plan_type) OVER (PARTITION BY subscriber_id ORDER BY valid_from) AS plan_before,
        LAG(region) OVER (PARTITION BY subscriber_id ORDER BY valid_from) AS region_before
    FROM telecom.crm_history
    WHERE valid_from < DATE '${as_of}'
), changes AS (
    SELECT
        subscriber_id,
        SUM(CASE WHEN plan_type <> plan_before THEN 1 ELSE 0 END) AS plan_changes_90d,
        SUM(CASE WHEN region <> region_before THEN 1 ELSE 0 END) AS region_changes_90d
    FROM past
    WHERE valid_from >= DATEADD(day, -90, DATE '${as_of}')
    GROUP BY subscriber_id
)
SELECT
    p.subscriber_id,
    p.tenure_months + DATEDIFF(day, p.valid_from, DATEADD(day, -1, DATE '${as_of}')) / 30 AS tenure_months,
    p.plan_type,
    p.contract,
    p.region,
    p.age_band,
    p.device_tier,
    p.autopay,
    COALESCE(c.plan_changes_90d, 0) AS plan_changes_90d,
    COALESCE(c.region_changes_90d, 0) AS region_changes_90d
FROM past p
LEFT JOIN changes c ON c.subscriber_id = p.subscriber_id
WHERE p.valid_to IS NULL OR p.valid_to >= DATE '${as_of}';
