-- The history of the CRM as a whole, as it was known on a day: run as one BatchExecuteStatement.
DELETE FROM telecom.crm_history;

COPY telecom.crm_history
FROM 's3://${curated_bucket}/${dataset}/manifests/crm_history/date=${date}.json'
IAM_ROLE '${role_arn}'
FORMAT AS PARQUET
MANIFEST;
