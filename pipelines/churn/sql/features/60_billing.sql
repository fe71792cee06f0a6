-- The newest invoice and the invoices known in the 90 days before the day; of corrections the one known last counts.
CREATE TEMP TABLE churn_billing DISTKEY (subscriber_id) AS
WITH known AS (
    SELECT subscriber_id, invoice_month, CAST(ROUND(amount * 100) AS BIGINT) AS cents, overdue_days
    FROM telecom.billing
    WHERE known_on >= DATEADD(day, -90, DATE '${as_of}') AND known_on < DATE '${as_of}'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY subscriber_id, invoice_month ORDER BY known_on DESC) = 1
), ranked AS (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY subscriber_id ORDER BY invoice_month DESC) AS age
    FROM known
)
SELECT
    subscriber_id,
    MAX(CASE WHEN age = 1 THEN cents END)::FLOAT8 / 100::FLOAT8 AS invoice_amount,
    SUM(cents)::FLOAT8 / (COUNT(*) * 100)::FLOAT8 AS invoice_amount_mean,
    MAX(CASE WHEN age = 1 THEN overdue_days END) AS overdue_days,
    MAX(overdue_days) AS overdue_days_max
FROM ranked
GROUP BY subscriber_id;
