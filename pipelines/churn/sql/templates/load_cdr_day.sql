-- One day of curated events, once whatever happens: run as one BatchExecuteStatement. The manifest, which curation writes,
-- names the files that are valid; replaced ones may lie beside them. A day without rows needs the DELETE alone.
DELETE FROM telecom.cdr
WHERE started_at >= DATE '${date}' AND started_at < DATEADD(day, 1, DATE '${date}');

COPY telecom.cdr
FROM 's3://${curated_bucket}/${dataset}/manifests/curate_cdr/date=${date}.json'
IAM_ROLE '${role_arn}'
FORMAT AS PARQUET
MANIFEST;
