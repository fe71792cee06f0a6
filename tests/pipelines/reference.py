"""The telecom features once more, in pandas, straight from their definitions: the yardstick for the Spark job."""

import numpy as np
import pandas as pd

CRM = ["tenure_months", "autopay", "plan_type", "contract", "region", "age_band", "device_tier"]
CELL = {"drop_rate": "cell_drop_rate", "throughput_mbps": "cell_throughput_mbps", "latency_ms": "cell_latency_ms"}
CARE = ("billing", "coverage", "device", "other")


def telecom_features(tables):
    """One row for each subscriber of one snapshot, indexed by id; `tables` are pandas frames."""
    crm = tables["crm"].dropna(subset="subscriber_id").drop_duplicates("subscriber_id").set_index("subscriber_id")
    features = crm[CRM].join(usage(tables["cdr"], tables["network_kpi"]))
    for name in ("voice_calls", "voice_minutes", "sms_count", "data_sessions", "data_mb", "active_days", "partners"):
        features[name] = features[name].fillna(0)
    start, end = period(tables["cdr"])
    silence = (end - features.pop("last").fillna(start)) / pd.Timedelta(days=1)
    features["days_since_last_activity"] = silence
    billing = tables["billing"].groupby("subscriber_id")
    features["invoice_amount"] = billing["amount"].mean()
    features["overdue_days"] = billing["overdue_days"].max()
    care = tables["care"].drop_duplicates()
    for category in CARE:
        counts = care[care["category"] == category].groupby("subscriber_id").size()
        features[f"care_{category}"] = counts.reindex(features.index).fillna(0)
    features["label"] = tables["labels"].set_index("subscriber_id")["churned"]
    return features


def period(cdr):
    """Whole days that the usage records cover."""
    moments = cdr["started_at"].dropna()
    return moments.min().normalize(), moments.max().normalize() + pd.Timedelta(days=1)


def clean(cdr):
    """Usage records without bad rows and without copies."""
    good = cdr["subscriber_id"].notna() & cdr["started_at"].notna() & cdr["kind"].isin(["voice", "sms", "data"])
    good &= ~(cdr["duration_seconds"] < 0) & ~(cdr["data_mb"] < 0)
    return cdr[good].drop_duplicates()


def usage(cdr, kpi):
    """Aggregates of usage records, indexed by id."""
    start, end = period(cdr)
    cells = kpi.groupby("cell_id")[list(CELL)].mean().rename(columns=CELL)
    records = clean(cdr).join(cells, on="cell_id")
    records["late"] = records["started_at"] >= start + (end - start) / 2
    return pd.DataFrame({id_: one(rows) for id_, rows in records.groupby("subscriber_id")}).T.infer_objects()


def one(rows):
    """The figures of one subscriber's records."""
    voice, sms, data = (rows[rows["kind"] == kind] for kind in ("voice", "sms", "data"))
    calls, volume = len(voice), data["data_mb"].sum()
    partners = rows.loc[rows["kind"] != "data", "partner_id"].dropna()
    return {
        "voice_calls": calls,
        "voice_minutes": voice["duration_seconds"].sum() / 60,
        "sms_count": len(sms),
        "data_sessions": len(data),
        "data_mb": volume,
        "active_days": rows["started_at"].dt.date.nunique(),
        "partners": rows["partner_id"].nunique(),
        "voice_trend": share(2 * voice["late"].sum() - calls, calls),
        "data_trend": share(2 * data.loc[data["late"], "data_mb"].sum() - volume, volume),
        "ported_partner_share": share(partners.str.startswith("ported-").sum(), len(partners)),
        "dropped_share": rows.loc[rows["kind"] != "sms", "dropped"].mean(),
        "last": rows["started_at"].max(),
        **{name: rows[name].mean() for name in CELL.values()},
    }


def share(part, whole):
    """Part of the whole, missing when there is no whole."""
    return part / whole if whole > 0 else np.nan
