-- Where things are: curated events and the operator's tables, and the features made of them.
CREATE SCHEMA IF NOT EXISTS telecom;
CREATE SCHEMA IF NOT EXISTS features;
