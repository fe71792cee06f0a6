-- Functions of Redshift that DuckDB says otherwise, as macros; the rest is in texts.py and formats.py.

CREATE OR REPLACE MACRO rs_div(a BIGINT, b BIGINT) AS a // b, (a DOUBLE, b DOUBLE) AS a / b;

CREATE OR REPLACE MACRO rs_compare(a, b) AS
    CASE
        WHEN a < b THEN -1
        WHEN a > b THEN 1
        WHEN a = b THEN 0
    END;

CREATE OR REPLACE MACRO rs_bytes(t, n) AS
    CASE
        WHEN t IS NULL THEN NULL
        WHEN strlen(t) <= n THEN t
        ELSE rs_cut_bytes(t, n)
    END;

CREATE OR REPLACE MACRO rs_fit(t, n, kind) AS
    CASE
        WHEN t IS NULL THEN NULL
        WHEN strlen(t) <= n THEN t
        WHEN strlen(rtrim(t)) <= n THEN rs_cut_bytes(t, n)
        ELSE error('value too long for type ' || kind || '(' || n || ')')
    END;

CREATE OR REPLACE MACRO rs_substring(t, s, n) AS
    CASE
        WHEN n < 0 THEN error('negative substring length not allowed')
        ELSE substring(t, CAST(greatest(s, 1) AS BIGINT), CAST(greatest(0, n + least(s, 1) - 1) AS BIGINT))
    END;

CREATE OR REPLACE MACRO rs_lpad(t, n, p) AS
    CASE
        WHEN n <= 0 THEN ''
        WHEN p = '' THEN left(t, n)
        ELSE lpad(t, CAST(n AS INTEGER), p)
    END;

CREATE OR REPLACE MACRO rs_rpad(t, n, p) AS
    CASE
        WHEN n <= 0 THEN ''
        WHEN p = '' THEN left(t, n)
        ELSE rpad(t, CAST(n AS INTEGER), p)
    END;

CREATE OR REPLACE MACRO rs_split_part(t, d, n) AS
    CASE
        WHEN n <= 0 THEN error('field position must be greater than zero')
        ELSE split_part(t, d, n)
    END;

CREATE OR REPLACE MACRO rs_to_integer(t) AS
    CASE
        WHEN regexp_full_match(trim(t), '[+-]?[0-9]+') THEN CAST(trim(t) AS HUGEINT)
        WHEN t IS NOT NULL THEN error('invalid input syntax for integer: "' || t || '"')
    END;

CREATE OR REPLACE MACRO rs_to_hex(v) AS lower(hex(v));

CREATE OR REPLACE MACRO rs_trunc(v, n) AS
    CASE
        WHEN v < 0 THEN -floor(-CAST(v AS DECIMAL(38,10)) * CAST(pow(10, n) AS DECIMAL(28,10)))
        ELSE floor(CAST(v AS DECIMAL(38,10)) * CAST(pow(10, n) AS DECIMAL(28,10)))
    END / pow(10, n);

CREATE OR REPLACE MACRO rs_add_years(t, n) AS
    CASE
        WHEN day(t) = 29 AND day(t + to_months(CAST(12 * n AS INTEGER))) = 28
            THEN t + to_months(CAST(12 * n AS INTEGER)) + to_days(1)
        ELSE t + to_months(CAST(12 * n AS INTEGER))
    END;

CREATE OR REPLACE MACRO rs_date_add(part, n, t) AS
    CASE part
        WHEN 'year' THEN rs_add_years(t, n)
        WHEN 'quarter' THEN t + to_months(CAST(3 * n AS INTEGER))
        WHEN 'month' THEN t + to_months(CAST(n AS INTEGER))
        WHEN 'week' THEN t + to_days(CAST(7 * n AS INTEGER))
        WHEN 'day' THEN t + to_days(CAST(n AS INTEGER))
        WHEN 'hour' THEN t + to_hours(CAST(n AS BIGINT))
        WHEN 'minute' THEN t + to_minutes(CAST(n AS BIGINT))
        WHEN 'second' THEN t + to_seconds(CAST(n AS BIGINT))
        WHEN 'millisecond' THEN t + to_milliseconds(CAST(n AS BIGINT))
        WHEN 'microsecond' THEN t + to_microseconds(CAST(n AS BIGINT))
        WHEN 'decade' THEN t + to_months(CAST(120 * n AS INTEGER))
        WHEN 'century' THEN t + to_months(CAST(1200 * n AS INTEGER))
        ELSE error('DATEADD with ' || part || ' is not supported by the offline warehouse')
    END;

CREATE OR REPLACE MACRO rs_add_months(t, n) AS
    CASE
        WHEN CAST(t AS DATE) = last_day(CAST(t AS DATE)) THEN last_day(CAST(t + to_months(CAST(n AS INTEGER)) AS DATE)) + (t - date_trunc('day', t))
        ELSE t + to_months(CAST(n AS INTEGER))
    END;

CREATE OR REPLACE MACRO rs_months_between(a, b) AS
    CASE
        WHEN day(a) = day(b) OR (CAST(a AS DATE) = last_day(CAST(a AS DATE)) AND CAST(b AS DATE) = last_day(CAST(b AS DATE))) THEN CAST((year(a) - year(b)) * 12 + month(a) - month(b) AS DOUBLE)
        ELSE (year(a) - year(b)) * 12 + month(a) - month(b) + (day(a) - day(b)) / 31.0 + (epoch(a - date_trunc('day', a)) - epoch(b - date_trunc('day', b))) / 2678400.0
    END;

CREATE OR REPLACE MACRO rs_next_day(d, name) AS d + CAST(1 + (rs_weekday(name) - dayofweek(d) + 6) % 7 AS INTEGER);

CREATE OR REPLACE MACRO rs_path(j, p) AS
    CASE
        WHEN json_type(j, p) = 'NULL' THEN NULL
        ELSE json_extract(j, p)
    END;

CREATE OR REPLACE MACRO rs_text(j) AS json_extract_string(j, '$');

CREATE OR REPLACE MACRO rs_super_number(j) AS
    CASE
        WHEN json_type(j) IN ('BIGINT', 'UBIGINT', 'DOUBLE', 'HUGEINT') THEN CAST(j AS DOUBLE)
    END;

CREATE OR REPLACE MACRO rs_super_varchar(j) AS
    CASE
        WHEN json_type(j) = 'VARCHAR' THEN json_extract_string(j, '$')
    END;

CREATE OR REPLACE MACRO rs_super_boolean(j) AS
    CASE
        WHEN json_type(j) = 'BOOLEAN' THEN json_extract_string(j, '$') = 'true'
    END;

CREATE OR REPLACE MACRO rs_each(j) AS
    CASE
        WHEN json_type(j) = 'ARRAY' THEN json_extract(j, '$[*]')
        WHEN j IS NULL THEN NULL
        ELSE [j]
    END;

CREATE OR REPLACE MACRO rs_json_typeof(j) AS
    CASE json_type(j)
        WHEN 'ARRAY' THEN 'array'
        WHEN 'OBJECT' THEN 'object'
        WHEN 'VARCHAR' THEN 'string'
        WHEN 'BOOLEAN' THEN 'boolean'
        WHEN 'NULL' THEN 'null'
        WHEN NULL THEN NULL
        ELSE 'number'
    END;

CREATE OR REPLACE MACRO rs_array_concat(a, b) AS to_json(list_concat(json_extract(a, '$[*]'), json_extract(b, '$[*]')));

CREATE OR REPLACE MACRO rs_array_flatten(a) AS to_json(flatten(list_transform(json_extract(a, '$[*]'), lambda x: CASE
        WHEN json_type(x) = 'ARRAY' THEN json_extract(x, '$[*]')
        ELSE [x]
    END)));

CREATE OR REPLACE MACRO rs_subarray(a, s, n) AS to_json(list_slice(json_extract(a, '$[*]'), CAST(s AS BIGINT) + 1, CAST(s AS BIGINT) + CAST(n AS BIGINT)));

CREATE OR REPLACE MACRO rs_ts(v) AS coalesce(TRY_CAST(v AS TIMESTAMP), rs_parse_time(CAST(v AS VARCHAR)));

CREATE OR REPLACE MACRO rs_tstz(v) AS
    coalesce(TRY_CAST(v AS TIMESTAMPTZ), timezone('UTC', rs_parse_time_utc(CAST(v AS VARCHAR))));

CREATE OR REPLACE MACRO rs_date_trunc(part, t) AS
    CASE part
        WHEN 'millennium' THEN date_trunc('year', t) - to_years(CAST((year(t) - 1) % 1000 AS INTEGER))
        WHEN 'century' THEN date_trunc('year', t) - to_years(CAST((year(t) - 1) % 100 AS INTEGER))
        ELSE date_trunc(part, t)
    END;

CREATE OR REPLACE MACRO rs_to_boolean(t) AS
    CASE
        WHEN lower(trim(t)) IN ('on', '1') THEN true
        WHEN lower(trim(t)) IN ('off', '0') THEN false
        ELSE CAST(trim(t) AS BOOLEAN)
    END;
