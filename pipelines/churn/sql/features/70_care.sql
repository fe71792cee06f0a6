-- Contacts with care in the 30 days before the day; a contact may be in the extracts of two days.
CREATE TEMP TABLE churn_care DISTKEY (subscriber_id) AS
WITH contacts AS (
    SELECT DISTINCT subscriber_id, opened_at, category
    FROM telecom.care
    WHERE opened_at >= DATEADD(day, -30, DATE '${as_of}') AND opened_at < DATE '${as_of}'
        AND known_on >= DATEADD(day, -30, DATE '${as_of}') AND known_on < DATE '${as_of}'
)
SELECT
    subscriber_id,
    SUM(CASE WHEN category = 'billing' THEN 1 ELSE 0 END) AS care_billing_30d,
    SUM(CASE WHEN category = 'coverage' THEN 1 ELSE 0 END) AS care_coverage_30d,
    SUM(CASE WHEN category = 'device' THEN 1 ELSE 0 END) AS care_device_30d,
    SUM(CASE WHEN category = 'other' THEN 1 ELSE 0 END) AS care_other_30d
FROM contacts
GROUP BY subscriber_id;
