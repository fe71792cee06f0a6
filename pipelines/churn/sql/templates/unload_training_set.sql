-- Features of one day as a training set: Parquet below the features zone, replaced as a whole, manifest last. Of a
-- subscriber's labels the one that became known last counts, as far as they were known on a day.
UNLOAD ('
    SELECT f.*, l.churned
    FROM features.churn f
    LEFT JOIN (
        SELECT subscriber_id, churned
        FROM telecom.labels
        WHERE as_of = ''${as_of}'' AND known_on <= ''${known_on}''
        QUALIFY ROW_NUMBER() OVER (PARTITION BY subscriber_id ORDER BY known_on DESC) = 1
    ) l ON l.subscriber_id = f.subscriber_id
    WHERE f.as_of = ''${as_of}''
')
TO 's3://${features_bucket}/${dataset}/training/as_of=${as_of}/'
IAM_ROLE '${role_arn}'
FORMAT AS PARQUET
CLEANPATH
MANIFEST
MAXFILESIZE 256 MB;
