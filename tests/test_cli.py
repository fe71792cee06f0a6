import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from seatrial import doctor, toolchain
from seatrial.cli import main

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_config_check_says_where_the_engagement_goes(capsys, at_root):
    code = main(["config", "check", "engagements/iranian-churn.yaml"])

    assert code == 0
    expected = "engagements/iranian-churn.yaml: in order; iranian-churn in dev (111111111111, eu-central-1)\n"
    assert capsys.readouterr().out == expected


def test_config_check_tells_mistakes_on_standard_error_and_ends_with_2(capsys, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: x1\nowner: a@example.com\n")

    code = main(["config", "check", str(path)])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert f"{path}:1: name: must be at least 3 long, got 'x1'" in err
    assert f"{path}:1: environments: is required and missing" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["config", "check", "nowhere.yaml"], "seatrial: nowhere.yaml:1: cannot be read: no such file or directory"),
        (["synth", "--engagement", "nowhere.yaml"], "seatrial: nowhere.yaml:1: cannot be read: no such file"),
        (
            ["synth", "--engagement", "engagements/iranian-churn.yaml", "--environment", "prod"],
            "seatrial: --environment: engagements/iranian-churn.yaml has no 'prod', only dev",
        ),
        (["rehearse", "--data", "nowhere.csv"], "seatrial: --data: no such file: nowhere.csv"),
        (["rehearse", "--report", "README.md"], "seatrial: --report: README.md: File exists; give a folder that can"),
        (["synth", "--output", "README.md"], "seatrial: --output: README.md: File exists; give a folder that can be"),
        (["cloud", "--folder", "README.md"], "seatrial: --folder: README.md: File exists; give a folder that can be"),
        (
            ["monitor", "run", "--baseline", "b", "--window", "w", "--out", "README.md"],
            "seatrial: --out: README.md: File exists; give a folder that can be written to",
        ),
    ],
)
def test_a_mistake_of_the_user_is_one_line_and_exit_2(capsys, at_root, arguments, message):
    code = main(arguments)

    err = capsys.readouterr().err
    assert code == 2
    assert err.startswith(message)
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], ["sail"], ["synth", "--environment", "test"]])
def test_what_cannot_be_parsed_ends_with_the_usage_and_2(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: seatrial")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--port", "65536", "argument --port: must be a number from 0 (any) to 65535, got '65536'"),
        ("--account", "1234", "argument --account: must be 12 digits, got '1234'"),
        ("--region", "eu-centrl-1", "'eu-centrl-1' is no region of AWS; did you mean 'eu-central-1'?"),
    ],
)
def test_an_impossible_cloud_is_refused_before_it_starts(capsys, option, value, message):
    with pytest.raises(SystemExit) as ended:
        main(["cloud", option, value])

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_port_that_is_taken_is_told_with_what_to_do(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code = main(["cloud", "--port", str(port)])

    remedy = "Address already in use; choose another, or leave it out"
    assert code == 2
    assert capsys.readouterr().err == f"seatrial: --port: {port} cannot be listened on: {remedy}\n"


def test_synth_outside_the_project_says_where_to_start(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code = main(["synth", "--engagement", str(ROOT / "engagements" / "telecom-churn.yaml")])

    assert code == 2
    assert capsys.readouterr().err == "seatrial: app.py is not here: start seatrial in the project's folder\n"


def test_synth_hands_engagement_environment_and_folder_to_the_app(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("import os\nprint(os.environ['CDK_OUTDIR'], os.environ['CDK_CONTEXT_JSON'])\n")
    engagement = ROOT / "engagements" / "telecom-churn.yaml"

    code = main(["synth", "--engagement", str(engagement), "--environment", "prod", "--output", "out"])

    outdir, context = capfd.readouterr().out.splitlines()[0].split(" ", 1)
    assert code == 0
    assert outdir == str(tmp_path / "out")
    assert json.loads(context) == {"engagement": str(engagement), "environment": "prod"}


@pytest.mark.parametrize("code", [1, 2])
def test_synth_ends_as_the_app_ends(tmp_path, monkeypatch, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(f"raise SystemExit({code})\n")

    assert main(["synth", "--engagement", str(ROOT / "engagements" / "telecom-churn.yaml")]) == code


def test_output_that_nobody_reads_to_its_end_is_no_traceback():
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "import sys; from seatrial.cli import main; sys.exit(main(['doctor', '--json']))"]

    with os.fdopen(writing, "wb") as unread:
        done = subprocess.run(command, cwd=ROOT, stdout=unread, stderr=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stderr) == (141, "")


def test_doctor_prints_a_line_a_check_and_json_on_request(capsys, at_root):
    code = main(["doctor", "--json"])

    checks = json.loads(capsys.readouterr().out)
    assert code == int(any(check["status"] == "fail" for check in checks))
    assert [check["subject"] for check in checks] == [
        "Python",
        "Packages",
        "Node",
        "CDK CLI",
        "Java",
        "User namespaces",
        "Loopback",
        "Disk",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_cloud_prints_what_to_export_answers_and_ends_on_a_signal(tmp_path, end):
    command = [sys.executable, "-c", "import sys; from seatrial.cli import main; sys.exit(main())", "cloud"]
    process = subprocess.Popen(
        [*command, "--folder", tmp_path], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert process.stdout is not None
        announced = process.stderr.readline()
        first = process.stdout.readline().strip()
        url = announced.split(" at ")[1].split(",")[0]

        with urllib.request.urlopen(f"{url}/_seatrial/clock", timeout=60) as answer:
            status = answer.status

        process.send_signal(end)
        code = process.wait(timeout=60)
    finally:
        process.kill()
    assert first.startswith("export AWS_")
    assert (status, code) == (200, 0)


@pytest.mark.parametrize(
    ("version", "status"), [((3, 10, 2), "fail"), ((3, 11, 0), "ok"), ((3, 13, 1), "ok"), ((3, 14, 0), "warn")]
)
def test_doctor_knows_which_python_will_do(version, status):
    assert doctor.python_version(version).status == status


@pytest.mark.parametrize(
    ("installed", "pinned", "status", "words"),
    [
        ("2.1148.1", "2.1148.1", "ok", "2.1148.1 with aws-cdk-lib 2.275.0"),
        ("3.0.0", "2.1148.1", "fail", "3.0.0, published by accident"),
        ("2.1.0", "2.1148.1", "fail", "2.1.0"),
        (None, "2.1148.1", "warn", "not installed"),
        (None, None, "warn", "no package.json here"),
    ],
)
def test_doctor_wants_the_pinned_cdk_cli_and_refuses_3_0_0_by_name(installed, pinned, status, words):
    check = doctor.cdk_cli(installed, pinned, "2.275.0")

    assert check.status == status
    assert words in check.detail
    assert bool(check.remedy) == (status != "ok")


def test_doctor_names_packages_that_are_missing_or_too_old():
    wanted = [doctor.Requirement(text) for text in ("moto==5.2.5", "boto3>=1.43", "numpy>=2.1")]
    installed = {"moto": "5.0.0", "numpy": "2.2.0"}

    check = doctor.packages(wanted, installed.get)

    assert check.status == "fail"
    assert check.detail == "moto is 5.0.0, wanted ==5.2.5; boto3 is missing"


@pytest.mark.parametrize(("free", "status"), [(1.0, "fail"), (5.0, "warn"), (50.0, "ok")])
def test_doctor_weighs_disk_space(free, status):
    assert doctor.disk_space(free).status == status


@pytest.mark.parametrize("check", [doctor.node(None), doctor.java(None)])
def test_doctor_says_what_to_install_when_a_tool_is_missing(check):
    assert check.status == "fail"
    assert "make setup" in check.remedy


def _script(folder, name, says):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("version", "origin"), [("v24.1.0", "machine"), ("v22.0.0", "machine"), ("v20.9.0", "wheel")])
def test_the_machines_node_is_taken_when_it_is_maintained(tmp_path, version, origin):
    _script(tmp_path / "bin", "node", version)
    _script(tmp_path / "bin", "npm", "10.0.0")

    node = toolchain.find_node(toolchain.own_site_packages(), str(tmp_path / "bin"))

    assert node is not None
    assert node.origin == origin


def test_without_npm_the_machines_node_is_not_taken(tmp_path):
    _script(tmp_path / "bin", "node", "v24.1.0")

    node = toolchain.find_node(tmp_path / "no-packages", str(tmp_path / "bin"))

    assert node is None


@pytest.mark.parametrize(
    ("says", "origin"), [('openjdk version "21.0.1"', "machine"), ('java version "1.8.0_392"', "wheel")]
)
def test_java_of_java_home_is_taken_when_it_is_new_enough(tmp_path, monkeypatch, says, origin):
    _script(tmp_path / "bin", "java", says)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    java = toolchain.find_java(toolchain.own_site_packages(), str(tmp_path / "nothing"))

    assert java is not None
    assert java.origin == origin


def test_tools_of_the_set_up_come_first_on_the_path():
    environment = toolchain.environment(Path("/somewhere/bin"))

    assert environment["PATH"].split(os.pathsep)[0] == "/somewhere/bin"
