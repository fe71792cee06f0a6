"""The Redshift Data API and Redshift Serverless as boto3 and Step Functions see them."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from tests.offline.warehouse.conftest import values


def test_results_are_typed_and_come_in_pages(bench):
    bench.rows("create table many (n bigint, label varchar(10), ok boolean, price decimal(6,2))")
    bench.rows(
        "insert into many with recursive r(n) as (select 1 union all select n + 1 from r where n < 1500) "
        "select n, 'x', n > 1, 1.5 from r"
    )
    found = bench.run("select n, label, ok, price from many order by n")

    first = bench.data.get_statement_result(Id=found["Id"])
    second = bench.data.get_statement_result(Id=found["Id"], NextToken=first["NextToken"])

    assert first["Records"][0] == [
        {"longValue": 1},
        {"stringValue": "x"},
        {"booleanValue": False},
        {"stringValue": "1.50"},
    ]
    assert [column["typeName"] for column in first["ColumnMetadata"]] == ["int8", "varchar", "bool", "numeric"]
    assert (len(first["Records"]), len(second["Records"]), "NextToken" in second) == (1000, 500, False)
    assert values(second)[-1][0] == found["ResultRows"] == 1500


def test_parameters_are_bound_as_text(bench):
    parameters = [{"name": "who", "value": "it's :who"}, {"name": "n", "value": "3"}]

    rows = bench.rows("select :who, :n::int + 1, ':who', '10:30'::time", Parameters=parameters)

    assert rows == [("it's :who", 4, ":who", "10:30:00")]


def test_a_batch_is_one_transaction(bench):
    bench.rows("create table kept (a varchar(3))")
    sqls = ["insert into kept values ('a')", "insert into kept values ('long')", "insert into kept values ('b')"]

    made = bench.data.batch_execute_statement(WorkgroupName="warehouse", Database="telecom", Sqls=sqls)

    found = bench.describe(made["Id"])
    assert found["Error"] == "ERROR: Query #2 failed with ERROR: value too long for type character varying(3)"
    assert [one["Status"] for one in found["SubStatements"]] == ["ABORTED", "FAILED", "ABORTED"]
    assert bench.rows("select count(*) from kept") == [(0,)]


def test_a_batch_hands_out_the_result_of_each_part(bench):
    sqls = ["select 1 as a", "select 2 as a"]
    made = bench.data.batch_execute_statement(WorkgroupName="warehouse", Database="telecom", Sqls=sqls)
    bench.describe(made["Id"])

    results = [values(bench.data.get_statement_result(Id=f"{made['Id']}:{number}")) for number in (1, 2)]

    assert results == [[(1,)], [(2,)]]


def test_a_client_token_runs_a_statement_once(bench):
    bench.rows("create table once (a int)")
    request = {"WorkgroupName": "warehouse", "Database": "telecom", "Sql": "insert into once values (1)"}

    first, again = (bench.data.execute_statement(**request, ClientToken="token-1") for _ in range(2))

    bench.describe(first["Id"])
    assert first["Id"] == again["Id"]
    assert bench.rows("select count(*) from once") == [(1,)]
    with pytest.raises(ClientError, match="already in use"):
        bench.data.execute_statement(**{**request, "Sql": "select 1"}, ClientToken="token-1")


def test_a_session_keeps_its_temporary_tables(bench):
    made = bench.data.execute_statement(
        WorkgroupName="warehouse", Database="telecom", Sql="create temp table scratch as select 7 as a",
        SessionKeepAliveSeconds=60,
    )  # fmt: skip
    bench.describe(made["Id"])

    kept = bench.data.execute_statement(SessionId=made["SessionId"], Sql="select a from scratch")

    bench.describe(kept["Id"])
    assert values(bench.data.get_statement_result(Id=kept["Id"])) == [(7,)]
    assert "does not exist" in bench.run("select a from scratch")["Error"]


def test_an_event_tells_the_end(bench):
    found = bench.run("select 1", WithEvent=True, StatementName="told")

    events = []
    for _ in range(200):
        events = [one for one in bench.cloud.journal.entries("event") if one["source"] == "aws.redshift-data"]
        if events:
            break
        time.sleep(0.01)

    assert events[-1]["detail"]["statementId"] == found["Id"]
    assert events[-1]["detail"]["state"] == "FINISHED"


def test_results_as_csv_are_read_by_the_second_version(bench):
    found = bench.run("select 1 as a, null as b, 'x' as c", ResultFormat="CSV")

    result = bench.data.get_statement_result_v2(Id=found["Id"])

    assert result["Records"][0]["CSVRecords"] == "a,b,c\r\n1,,x\r\n"
    with pytest.raises(ClientError, match="GetStatementResultV2"):
        bench.data.get_statement_result(Id=found["Id"])


def test_tables_schemas_and_columns_are_listed(bench):
    bench.rows("create schema if not exists mart")
    bench.rows("create table mart.facts (k int not null, v varchar(9))")
    place = {"WorkgroupName": "warehouse", "Database": "telecom"}

    tables = bench.data.list_tables(**place, SchemaPattern="mar%")["Tables"]
    columns = bench.data.describe_table(**place, Schema="mart", Table="facts")["ColumnList"]

    assert tables == [{"schema": "mart", "name": "facts", "type": "TABLE"}]
    assert "mart" in bench.data.list_schemas(**place)["Schemas"]
    assert [(one["name"], one["typeName"], one["nullable"]) for one in columns] == [
        ("k", "integer", 0),
        ("v", "varchar(9)", 1),
    ]


def test_an_ended_statement_cannot_be_cancelled_and_an_unknown_one_is_not_found(bench):
    found = bench.run("select 1")

    with pytest.raises(ClientError, match="already in FINISHED state"):
        bench.data.cancel_statement(Id=found["Id"])
    with pytest.raises(ClientError, match="Query does not exist"):
        bench.data.describe_statement(Id="00000000-0000-0000-0000-000000000000")


def test_a_state_machine_reaches_the_warehouse(bench):
    start = "arn:aws:states:::aws-sdk:redshiftdata:"
    definition = {
        "StartAt": "Run",
        "States": {
            "Run": {
                "Type": "Task",
                "Resource": f"{start}executeStatement",
                "Parameters": {"WorkgroupName": "warehouse", "Database": "telecom", "Sql": "select 42 as a"},
                "Next": "Ask",
            },
            "Ask": {
                "Type": "Task",
                "Resource": f"{start}describeStatement",
                "Parameters": {"Id.$": "$.Id", "WaitTimeSeconds": 5},
                "End": True,
            },
        },
    }
    client = bench.cloud.context.client("stepfunctions")
    role = "arn:aws:iam::111111111111:role/machine"
    machine = client.create_state_machine(name="warehouse", definition=json.dumps(definition), roleArn=role)

    arn = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]

    for _ in range(500):
        found = client.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            break
        time.sleep(0.02)
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["Status"] == "FINISHED"


def test_a_usage_limit_belongs_to_a_workgroup_and_goes_with_it(bench):
    serverless = bench.cloud.context.client("redshift-serverless")
    serverless.create_namespace(namespaceName="other", dbName="dev", manageAdminPassword=True)
    made = serverless.create_workgroup(workgroupName="other", namespaceName="other", baseCapacity=8)["workgroup"]
    limit = {"resourceArn": made["workgroupArn"], "usageType": "serverless-compute", "amount": 10, "period": "daily"}

    serverless.create_usage_limit(**limit)

    assert serverless.list_usage_limits(resourceArn=made["workgroupArn"])["usageLimits"][0]["amount"] == 10
    with pytest.raises(ClientError, match="exists already"):
        serverless.create_usage_limit(**limit)
    serverless.delete_workgroup(workgroupName="other")
    serverless.delete_namespace(namespaceName="other")
    assert serverless.list_usage_limits()["usageLimits"] == []


def test_a_paused_cluster_runs_nothing_until_it_is_resumed(bench):
    redshift = bench.cloud.context.client("redshift")
    redshift.create_cluster(
        ClusterIdentifier="ra3",
        NodeType="ra3.large",
        MasterUsername="boss",
        MasterUserPassword="Secret1234",
        DBName="dev",
    )
    place = {"ClusterIdentifier": "ra3", "Database": "dev"}
    made = bench.data.execute_statement(**place, Sql="create table t (a int)")
    bench.describe(made["Id"])

    redshift.pause_cluster(ClusterIdentifier="ra3")

    with pytest.raises(ClientError, match="paused"):
        bench.data.execute_statement(**place, Sql="select 1")
    redshift.resume_cluster(ClusterIdentifier="ra3")
    again = bench.data.execute_statement(**place, Sql="select count(*) from t")
    bench.describe(again["Id"])
    assert values(bench.data.get_statement_result(Id=again["Id"])) == [(0,)]


def test_what_moto_only_pretends_is_refused(bench):
    with pytest.raises(ClientError, match="not emulated by the offline cloud"):
        bench.glue.create_job(Name="j", Role="r", Command={"Name": "glueetl"})
    with pytest.raises(ClientError, match="not emulated by the offline cloud"):
        bench.cloud.context.client("redshift-serverless").list_snapshots()
