"""docker-compose.yml, taken at its word without Docker.

Each service's command and environment are run natively on the loopback. What a container would have
given them is put in their place: service names become 127.0.0.1, container ports become free ones,
the two volumes and the image's folder become folders here, and `.env` becomes made-up secrets. The
images of Postgres start their server by an entry point of their own; that is done by hand below.
"""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from vitrine.errors import VitrineError
from vitrine.operations import servers
from vitrine.operations.airflow import Airflow
from vitrine.operations.machine import java
from vitrine.operations.progress import Progress
from vitrine.operations.servers import Server

REPOSITORY = Path(__file__).parent.parent.parent
FILE = REPOSITORY / "docker-compose.yml"
IMAGE = REPOSITORY / "docker" / "Dockerfile"
BINARIES = Path(sys.executable).parent
LONG_RUNNING = (
    "redis",
    "spark-master",
    "spark-worker",
    "mlflow",
    "airflow-api-server",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-worker",
)
PATIENCE_S = 300.0
"""Ten servers start, beside the tests of another process."""
PORTS = (5432, 6379, 7077, 8081, 8082, 5000, 8080)
VALUES = {
    "SOURCE": "flash_sale",
    "CLOCK_SCHEDULES": "false",  # its days lie in the past
    "POSTGRES_PASSWORD": "made-up-postgres",
    "REDIS_PASSWORD": "made-up-redis",
    "AIRFLOW_ADMIN_PASSWORD": "made-up-admin",
    "AIRFLOW_JWT_SECRET": "made-up-secret-that-is-long-enough-to-sign-tokens-with-it-0123456789",
    "AIRFLOW_SECRET_KEY": "made-up-key",
    "AIRFLOW_FERNET_KEY": "bWFkZS11cC1mZXJuZXQta2V5LTMyLWJ5dGVzLWxvbmc=",
    "SPARK_WORKER_CORES": "2",
    "SPARK_WORKER_MEMORY": "1g",
}
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
DAYS = {"start": "2026-03-09", "end": "2026-03-12"}


def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return content


def test_no_secret_stands_in_the_file():
    for name, service in compose()["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD$|SECRET|_KEY", key):
                assert VARIABLE.fullmatch(str(value)), f"{name}: {key}"
    required = {name for name, kind, _ in VARIABLE.findall(FILE.read_text()) if kind == "?"}
    assert required <= set(VALUES)
    example = (REPOSITORY / "docker" / "env.example").read_text()
    named = {name for name, _, _ in VARIABLE.findall(FILE.read_text())}
    assert named == set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))


def test_every_service_is_watched_and_bound_to_the_loopback():
    for name, service in compose()["services"].items():
        assert "healthcheck" in service or name == "airflow-init", name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
    assert set(compose()["volumes"]) == {"landing", "home", "database"}
    assert compose()["services"]["airflow-gpu-worker"]["profiles"] == ["gpu"]


def test_what_the_services_run_is_in_the_repository():
    text = FILE.read_text() + IMAGE.read_text()
    for path in re.findall(r"(?:/opt/vitrine/|\./)(docker/[\w./]+|dags)", text):
        assert (REPOSITORY / path).exists(), path


def folders_of(file: Path) -> set[str]:
    """The folders that a file names under the one that the services write in."""
    return set(re.findall(r"/var/vitrine/([\w-]+)", file.read_text()))


def test_the_image_makes_each_folder_that_a_service_writes_in():
    assert folders_of(FILE) == folders_of(IMAGE) >= {"home", "landing"}


@dataclass
class Native:
    """The services' commands and environments, with what a container would have given them."""

    root: Path
    ports: dict[int, int] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """Replace variables, folders, names and ports in one value of the file."""
        text = VARIABLE.sub(lambda v: VALUES.get(v[1], v[3] if v[2] == "-" else ""), text)
        text = text.replace("/opt/vitrine", str(REPOSITORY)).replace("/var/vitrine", str(self.root))
        services = "|".join(sorted(compose()["services"], key=len, reverse=True))
        text = re.sub(rf"(?<![\w-])(?:{services}|localhost)(?=:\d)", "127.0.0.1", text)
        text = re.sub(r"^(airflow-worker|spark-master|0\.0\.0\.0)$", "127.0.0.1", text)
        for port, free in self.ports.items():
            text = re.sub(rf"(?<=127\.0\.0\.1:){port}\b|^{port}$", str(free), text)
        return text

    def environment(self, name: str) -> dict[str, str]:
        """The service's environment on top of a bare one."""
        names = ("HOME", "LANG", "JAVA_HOME", "JAVA_TOOL_OPTIONS")
        bare = {key: os.environ[key] for key in names if key in os.environ}
        bare["PATH"] = f"{BINARIES}:{os.environ['PATH']}"
        own = compose()["services"][name].get("environment", {})
        return bare | {key: self.text(str(value)) for key, value in own.items()}

    def server(self, name: str) -> Server:
        """The service, ready to be started."""
        command = [self.text(word) for word in compose()["services"][name]["command"]]
        return Server(name, command, self.environment(name))


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    found = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return found


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = shutil.which("initdb")
    if not found and not path:
        pytest.skip("no Postgres on this machine; type: sudo apt-get install postgresql")
    return found[-1].parent if found else Path(str(path)).parent


def as_other_than_root(command: list[str]) -> list[str]:
    """Postgres refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@pytest.fixture(scope="module")
def native(tmp_path_factory) -> Iterator[Native]:
    """The folders and ports of this run; every process of it is stopped at the end."""
    if shutil.which("redis-server") is None:
        pytest.skip("no Redis on this machine; type: sudo apt-get install redis-server")
    postgres_binaries()
    java()
    root = tmp_path_factory.mktemp("compose")
    for folder in (*folders_of(IMAGE), "servers"):
        (root / folder).mkdir()
    native = Native(root, dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
    yield native
    servers.stop(root / "servers")


@pytest.fixture(scope="module")
def postgres(native) -> Iterator[None]:
    """What the image's entry point does with the service's environment and volumes."""
    binaries, environment = postgres_binaries(), native.environment("postgres")
    # Not under the test's own folder: the user postgres may not look into it.
    scratch = Path(tempfile.mkdtemp(prefix="vitrine-postgres-"))
    password = scratch / "password"
    password.write_text(environment["POSTGRES_PASSWORD"])
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(scratch, owner.pw_uid, owner.pw_gid)
        os.chown(password, owner.pw_uid, owner.pw_gid)
    user, port = environment["POSTGRES_USER"], native.ports[5432]
    data, log = str(scratch / "data"), str(scratch / "log")
    start = ["-D", data, "-l", log, "-w", "-o", f"-p {port} -h 127.0.0.1 -k {scratch}"]

    def call(program: str, *arguments: str) -> None:
        command = as_other_than_root([str(binaries / program), *arguments])
        login = {"PGPASSWORD": environment["POSTGRES_PASSWORD"], "PATH": os.environ["PATH"]}
        done = subprocess.run(
            command, env=login, cwd="/", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    try:
        call(
            *("initdb", "-D", data, "-U", user, f"--pwfile={password}"),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
        )
        # Its output goes to a file: a pipe would stay open as long as the server lives.
        call("pg_ctl", *start, "start")
        to_server = ("-h", "127.0.0.1", "-p", str(port), "-U", user, "-v", "ON_ERROR_STOP=1")
        name = environment["POSTGRES_DB"]
        call("psql", *to_server, "-d", "postgres", "-c", f"create database {name}")
        for script in sorted((REPOSITORY / "docker" / "postgres").glob("*.sql")):
            call("psql", *to_server, "-d", name, "-c", script.read_text())
        yield
    finally:
        if (scratch / "data" / "postmaster.pid").exists():
            call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(scratch)


@pytest.fixture(scope="module")
def stack(native, postgres) -> Airflow:
    """All services, started in the order of the file, and Airflow's client."""
    folder = native.root / "servers"
    simulate(native)
    for name in LONG_RUNNING[:4]:
        servers.start(native.server(name), folder)
    initialise(native)
    for name in LONG_RUNNING[4:]:
        servers.start(native.server(name), folder)
    client = Airflow(f"http://127.0.0.1:{native.ports[8080]}", VALUES["AIRFLOW_ADMIN_PASSWORD"])
    servers.wait_until(
        lambda: answers(native.ports[5000]), "MLflow", folder, LONG_RUNNING, PATIENCE_S
    )
    servers.wait_until(client.is_healthy, "Airflow", folder, LONG_RUNNING, PATIENCE_S)
    servers.wait_until(
        lambda: "daily_features" in client.known_dags(),
        "the DAGs",
        folder,
        LONG_RUNNING,
        PATIENCE_S,
    )
    return client


def simulate(native: Native) -> None:
    command = ["vitrine", "simulate", "--customers", "60"]
    command += ["--start", DAYS["start"], "--end", DAYS["end"]]
    run(native, "airflow-worker", command)


def initialise(native: Native) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not answers(native.ports[6379]):
        assert time.monotonic() < deadline, "Redis does not answer"
        time.sleep(0.2)
    run(native, "airflow-init", list(native.server("airflow-init").command))


def run(native: Native, service: str, command: list[str]) -> None:
    done = subprocess.run(
        command, env=native.environment(service), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.slow
@pytest.mark.timeout(1800)  # starts ten servers; a busy machine needs minutes for that alone
def test_a_tiny_shop_goes_through_the_daily_dag(stack, native):
    lines = follow(stack, "daily_features", DAYS)[1]
    tasks = [line.split()[2] for line in lines]
    assert tasks[0] == "land"
    assert len(set(tasks)) == len(tasks)
    numbers = [line.rpartition(" s ")[2].strip() for line in lines]
    assert numbers == [f"{n} of {len(tasks)}" for n in range(1, len(tasks) + 1)]

    home = native.root / "home"
    assert (home / "warehouse" / "daily.duckdb").exists()
    assert list((home / "deltas" / "user_days").glob("ds=2026-03-1*/*.parquet"))
    master = servers.log_file(native.root / "servers", "spark-master").read_text()
    assert "Registered app vitrine days" in master


@pytest.mark.slow
def test_what_ran_is_kept_in_postgres_and_went_through_celery(stack, native):
    import sqlalchemy

    url = native.environment("airflow-scheduler")["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    with sqlalchemy.create_engine(url).connect() as connection:
        runs = connection.execute(sqlalchemy.text("select state from dag_run"))
        assert runs.scalars().all() == ["success"]
        tasks = connection.execute(sqlalchemy.text("select count(*) from celery_taskmeta"))
        assert tasks.scalar_one() > 0
        pools = connection.execute(sqlalchemy.text("select pool from slot_pool order by 1"))
        assert "daily_warehouse" in [row[0] for row in pools]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_who_follows_a_run_hears_why_a_task_skipped_itself(stack):
    quarter = {"start": f"{DAYS['start']}T09:00", "end": f"{DAYS['start']}T09:15"}
    progress, lines = follow(stack, "campaign_performance", quarter, "quarter")
    said, others = progress.skipped()
    assert said.startswith("campaign_performance.land: landing [")
    assert "skipped: the shop delivers it as a part of [" in said
    assert others == f"and {len(lines) - 1} tasks that come after these"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_who_follows_a_run_hears_of_a_failure_with_the_end_of_its_log(stack):
    told = r"land failed in run early; the end of its log:\n(.*\n)*.*no flash_sale file from before"
    with pytest.raises(VitrineError, match=told):
        follow(stack, "daily_features", {"start": "2026-01-01", "end": "2026-01-02"}, "early")


def follow(
    stack: Airflow, dag: str, conf: dict[str, str], run: str = "tiny"
) -> tuple[Progress, list[str]]:
    """Trigger a run and follow it; return who followed, and the lines told."""
    lines: list[str] = []
    progress = Progress(stack, lines.append, run, patience_s=1200)
    stack.set_paused(dag, is_paused=False)
    stack.trigger(dag, conf, run)
    progress.follow(dag, run)
    return progress, lines


@pytest.mark.slow
def test_mlflow_answers_on_its_own_database(stack, native):
    import requests

    address = f"http://127.0.0.1:{native.ports[5000]}/api/2.0/mlflow/experiments/search"
    answer = requests.post(address, json={"max_results": 1}, timeout=30)
    assert answer.ok, answer.text
    assert json.loads(answer.text)["experiments"]
