"""The model card says of an engagement's data what its dataset says, and nothing else."""

import json
from dataclasses import replace

from pipelines.churn.card import model_card
from pipelines.churn.definition import churn_pipeline
from seatrial.contracts.dataset import DatasetSpec

GYM = DatasetSpec(
    name="gym",
    kind="table",
    id="member",
    label="quit",
    positive="Yes",
    columns={"visits": "numeric", "sex": "categorical"},
)


def test_the_card_of_a_table_states_its_own_columns_and_no_telecom_facts():
    card = json.loads(model_card("xgboost", GYM))

    assert card["intended_uses"]["purpose_of_model"].endswith("'quit' being 'Yes'.")
    assert "visits, sex" in card["additional_information"]["ethical_considerations"]
    assert "hash of 'member'" in card["training_details"]["training_observations"]
    text = json.dumps(card).lower()
    assert [word for word in ("telecom", "tariff", "age band", "region ") if word in text] == []


def test_the_card_of_a_table_without_an_id_says_how_rows_are_split():
    card = json.loads(model_card("scikit-learn", replace(GYM, id=None)))

    assert "the row's content" in card["training_details"]["training_observations"]


def test_a_wide_tables_inputs_are_shortened():
    columns = {f"{number}-{'x' * 60}": "numeric" for number in range(300)}

    inputs = json.loads(model_card("xgboost", replace(GYM, columns=columns)))["additional_information"]

    assert " and 280 more" in inputs["ethical_considerations"]
    assert len(inputs["ethical_considerations"]) < 1024


def test_the_registered_card_is_that_of_the_settings_dataset(settings):
    steps = churn_pipeline(replace(settings, dataset=GYM)).to_definition()["Steps"]

    assert "'quit' being 'Yes'" in json.dumps(steps)
