-- Drop rate of the cells that a subscriber used, over all subscribers, in whole millionths, weighted by use.
CREATE TEMP TABLE churn_cells DISTKEY (subscriber_id) AS
WITH cells AS (
    SELECT
        cell_id,
        CASE WHEN SUM(connection) > 0 THEN (SUM(drops) * 1000000) / SUM(connection) ELSE 0 END AS rate
    FROM churn_events
    GROUP BY cell_id
)
SELECT
    e.subscriber_id,
    SUM(e.connection * c.rate)::FLOAT8 / NULLIF(SUM(e.connection) * 1000000, 0)::FLOAT8 AS cell_drop_rate_30d
FROM churn_events e
JOIN cells c ON c.cell_id = e.cell_id
GROUP BY e.subscriber_id;
