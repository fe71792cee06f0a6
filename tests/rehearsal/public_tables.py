"""Column mappings of the two public churn tables that the rehearsal is tried on."""

from seatrial.contracts.dataset import DatasetSpec

IBM_NUMERIC = ("tenure", "MonthlyCharges", "TotalCharges")
IBM_CATEGORICAL = (
    "gender", "SeniorCitizen", "Partner", "Dependents", "PhoneService", "MultipleLines", "InternetService",
    "OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies",
    "Contract", "PaperlessBilling", "PaymentMethod",
)  # fmt: skip
IRANIAN_NUMERIC = (
    "Call  Failure", "Subscription  Length", "Charge  Amount", "Seconds of Use", "Frequency of use",
    "Frequency of SMS", "Distinct Called Numbers", "Age Group", "Age", "Customer Value",
)  # fmt: skip
IRANIAN_CATEGORICAL = ("Complains", "Tariff Plan", "Status")


def _columns(numeric, categorical):
    return {**dict.fromkeys(numeric, "numeric"), **dict.fromkeys(categorical, "categorical")}


IBM = DatasetSpec(
    name="ibm", kind="table", id="customerID", label="Churn", positive="Yes",
    columns=_columns(IBM_NUMERIC, IBM_CATEGORICAL),
)  # fmt: skip
IRANIAN = DatasetSpec(
    name="iranian", kind="table", id=None, label="Churn", positive="1",
    columns=_columns(IRANIAN_NUMERIC, IRANIAN_CATEGORICAL),
)  # fmt: skip
