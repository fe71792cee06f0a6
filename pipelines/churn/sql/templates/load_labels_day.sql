-- One day of curated labels, once whatever happens: run as one BatchExecuteStatement. Who leaves can be known once the
-- period has begun, who stays not before its end (training_set.py, in_time).
CREATE TEMP TABLE labels_day (
    subscriber_id VARCHAR(64),
    as_of DATE,
    churned INTEGER,
    known_at TIMESTAMP,
    known_on DATE,
    copies INTEGER
);

COPY labels_day
FROM 's3://${curated_bucket}/${dataset}/manifests/curate_labels/date=${date}.json'
IAM_ROLE '${role_arn}'
FORMAT AS PARQUET
MANIFEST;

DELETE FROM telecom.labels WHERE known_on = DATE '${date}';

INSERT INTO telecom.labels
SELECT subscriber_id, as_of, churned, known_on
FROM labels_day
WHERE known_at > as_of AND (churned = 1 OR known_at >= DATEADD(day, 30, as_of));

DROP TABLE labels_day;
