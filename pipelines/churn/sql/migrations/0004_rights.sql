-- People and programs come by IAM as users without rights of their own; GRANT ROLE reader TO "IAMR:<role>" lets one in.
CREATE ROLE reader;
GRANT USAGE ON SCHEMA telecom TO ROLE reader;
GRANT USAGE ON SCHEMA features TO ROLE reader;
GRANT SELECT ON ALL TABLES IN SCHEMA telecom TO ROLE reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA telecom GRANT SELECT ON TABLES TO ROLE reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA features GRANT SELECT ON TABLES TO ROLE reader;
