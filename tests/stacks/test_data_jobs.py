"""What the data flow's jobs are told by the engagement."""

import json

from seatrial.config import ProcessingSection
from stacks.data_jobs import feed_arguments


def definition(assembly):
    ((_, machine),) = assembly.properties("AWS::StepFunctions::StateMachine", "Processing")
    parts = machine["DefinitionString"]["Fn::Join"][1]
    return json.loads("".join(part if isinstance(part, str) else "token" for part in parts))


def test_a_feed_that_falls_silent_stops_the_flow_unless_its_input_says_otherwise(data_assembly):
    first = definition(data_assembly)["States"]["Stage1"]["Branches"][0]["States"]["curate_cdr"]

    arguments = first["Parameters"]["JobDriver"]["SparkSubmit"]["EntryPointArguments.$"]

    assert "'--minimum-share-of-usual', '0.5', '--silent-feeds', $.plan.silent_feeds" in arguments
    assert "--require-sources" not in arguments


def test_sources_that_must_be_there_are_named_to_curation():
    told = feed_arguments(ProcessingSection(required_sources=("batch", "stream"), minimum_share_of_usual=0))

    assert told["require-sources"] == "batch,stream"
    assert told["minimum-share-of-usual"] == "0.0"
