-- One day of a curated table of extracts (billing, care, crm), once whatever happens: as one BatchExecuteStatement.
DELETE FROM telecom.${table} WHERE known_on = DATE '${date}';

COPY telecom.${table}
FROM 's3://${curated_bucket}/${dataset}/manifests/curate_${table}/date=${date}.json'
IAM_ROLE '${role_arn}'
FORMAT AS PARQUET
MANIFEST;
