-- Features of one day as a training set: Parquet below the features zone, replaced as a whole, manifest last.
UNLOAD ('SELECT f.*, l.churned FROM features.churn f LEFT JOIN telecom.labels l ON l.subscriber_id = f.subscriber_id AND l.as_of = f.as_of AND l.known_on <= ''${known_on}'' WHERE f.as_of = ''${as_of}''')
TO 's3://${features_bucket}/${dataset}/training/as_of=${as_of}/'
IAM_ROLE '${role_arn}'
FORMAT AS PARQUET
CLEANPATH
MANIFEST
MAXFILESIZE 256 MB;
