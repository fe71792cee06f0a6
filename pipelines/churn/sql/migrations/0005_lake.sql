-- seatrial: outside-transaction
-- seatrial: requires spectrum
-- The lake's tables, read in place.
CREATE EXTERNAL SCHEMA IF NOT EXISTS lake
FROM DATA CATALOG DATABASE '${catalog_database}' REGION '${region}'
IAM_ROLE '${role_arn}';
