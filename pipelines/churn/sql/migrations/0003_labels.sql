-- Whether a subscriber left in the month after the day of the features; known only later, and then once.
CREATE TABLE telecom.labels (
    subscriber_id VARCHAR(64) NOT NULL,
    as_of DATE NOT NULL,
    churned INTEGER NOT NULL,
    known_on DATE NOT NULL
) DISTSTYLE KEY DISTKEY (subscriber_id) COMPOUND SORTKEY (as_of, subscriber_id);
