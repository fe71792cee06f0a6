-- Curated data, in the order of the columns of the lake's Parquet files, which COPY maps by position.
-- Everything is joined by subscriber, so everything of one subscriber lies on one slice.
CREATE TABLE telecom.cdr (
    event_id VARCHAR(64) NOT NULL,
    subscriber_id VARCHAR(64) NOT NULL,
    started_at TIMESTAMP NOT NULL,
    received_at TIMESTAMP NOT NULL,
    kind VARCHAR(8) NOT NULL,
    duration_seconds DOUBLE PRECISION NOT NULL,
    data_mb DOUBLE PRECISION NOT NULL,
    partner_id VARCHAR(64),
    cell_id VARCHAR(64) NOT NULL,
    dropped INTEGER NOT NULL,
    source VARCHAR(8) NOT NULL,
    late INTEGER NOT NULL,
    copies_batch INTEGER NOT NULL,
    copies_stream INTEGER NOT NULL,
    PRIMARY KEY (event_id)
) DISTSTYLE KEY DISTKEY (subscriber_id) COMPOUND SORTKEY (started_at, subscriber_id);

CREATE TABLE telecom.crm (
    subscriber_id VARCHAR(64) NOT NULL,
    tenure_months INTEGER NOT NULL,
    plan_type VARCHAR(64) NOT NULL,
    contract VARCHAR(64) NOT NULL,
    region VARCHAR(64) NOT NULL,
    age_band VARCHAR(64) NOT NULL,
    device_tier VARCHAR(64) NOT NULL,
    autopay INTEGER NOT NULL,
    known_on DATE NOT NULL,
    copies INTEGER NOT NULL
) DISTSTYLE KEY DISTKEY (subscriber_id) COMPOUND SORTKEY (known_on, subscriber_id);

CREATE TABLE telecom.billing (
    subscriber_id VARCHAR(64) NOT NULL,
    invoice_month CHAR(7) NOT NULL,
    amount DOUBLE PRECISION NOT NULL,
    overdue_days INTEGER NOT NULL,
    known_on DATE NOT NULL,
    copies INTEGER NOT NULL
) DISTSTYLE KEY DISTKEY (subscriber_id) COMPOUND SORTKEY (known_on, subscriber_id);

CREATE TABLE telecom.care (
    subscriber_id VARCHAR(64) NOT NULL,
    opened_at TIMESTAMP NOT NULL,
    category VARCHAR(16) NOT NULL,
    known_on DATE NOT NULL,
    copies INTEGER NOT NULL
) DISTSTYLE KEY DISTKEY (subscriber_id) COMPOUND SORTKEY (known_on, subscriber_id);
