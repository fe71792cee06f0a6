-- One day of curated events, once whatever happens: run as one BatchExecuteStatement.
DELETE FROM telecom.cdr
WHERE started_at >= DATE '${date}' AND started_at < DATEADD(day, 1, DATE '${date}');

COPY telecom.cdr
FROM 's3://${curated_bucket}/${dataset}/cdr/date=${date}/'
IAM_ROLE '${role_arn}'
FORMAT AS PARQUET;
