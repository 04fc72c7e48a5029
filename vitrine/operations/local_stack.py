"""The servers of one machine: Airflow on SQLite and MLflow's pages, all on the loopback."""

import subprocess
import sys
from pathlib import Path

from vitrine.errors import MachineError
from vitrine.installation import Installation
from vitrine.operations import airflow, servers
from vitrine.operations.airflow import DAGS, Airflow
from vitrine.operations.secrets import LOGIN, load_secrets
from vitrine.operations.servers import Server

START_PATIENCE_S = 180.0


def start(installation: Installation) -> None:
    """Start Airflow and MLflow, and wait until all DAGs can be run; they stay paused.

    Raises
    ------
    MachineError
        If a server does not come up.
    """
    settings, paths = installation.settings, installation.paths
    _migrate(installation)
    own = all_servers(installation)
    try:
        for server in own:
            servers.start(server, paths.servers)
        client = Airflow.of(settings)
        names = [server.name for server in own]
        patience = (paths.servers, names, START_PATIENCE_S)
        servers.wait_until(client.is_healthy, "Airflow", *patience)
        client.make_pools()
        servers.wait_until(lambda: _dags_are_found(client), "the DAGs", *patience)
    except BaseException:
        servers.stop(paths.servers)
        raise


def stop(installation: Installation) -> list[str]:
    """Stop what `start` started; return the names of the servers that ran."""
    return servers.stop(installation.paths.servers)


def is_running(installation: Installation) -> bool:
    """Tell whether Airflow's processes all live."""
    return set(_airflow_names()) <= set(servers.running(installation.paths.servers))


def all_servers(installation: Installation) -> list[Server]:
    """Describe the servers: the same processes as in docker-compose.yml, without the cluster."""
    environment = airflow.environment(installation.settings)
    binary = _binary("airflow")
    return [
        Server("airflow-api-server", [binary, "api-server"], environment),
        # Logs are read from the disk here, so nobody needs to serve them to the network.
        Server("airflow-scheduler", [binary, "scheduler", "--skip-serve-logs"], environment),
        Server("airflow-dag-processor", [binary, "dag-processor"], environment),
        _mlflow(installation, environment),
    ]


def welcome(installation: Installation) -> str:
    """Return the addresses and the login, as a person reads them."""
    settings = installation.settings
    password = load_secrets(installation.paths.airflow).password
    return (
        f"Airflow  {airflow.address(settings)}   login {LOGIN}, password {password}\n"
        f"MLflow   http://127.0.0.1:{settings.mlflow_port}\n"
        f"Logs     {installation.paths.servers}"
    )


def _airflow_names() -> list[str]:
    return ["airflow-api-server", "airflow-scheduler", "airflow-dag-processor"]


def _mlflow(installation: Installation, environment: dict[str, str]) -> Server:
    folder = installation.paths.mlflow
    folder.mkdir(parents=True, exist_ok=True)
    settings = installation.settings
    command = [
        _binary("mlflow"),
        "server",
        *("--host", "127.0.0.1"),
        *("--port", str(settings.mlflow_port)),
        *("--workers", "1"),
        *("--backend-store-uri", settings.mlflow_tracking_uri or f"sqlite:///{folder}/mlflow.db"),
        *("--default-artifact-root", (folder / "artifacts").as_uri()),
    ]
    quiet = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    }
    return Server("mlflow", command, environment | quiet)


def _migrate(installation: Installation) -> None:
    """Make Airflow's database, or bring it up to this version."""
    done = subprocess.run(
        [_binary("airflow"), "db", "migrate"],
        env=airflow.environment(installation.settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MachineError(
            f"Airflow's database at {installation.paths.airflow} cannot be prepared:\n"
            + "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        )


def _dags_are_found(client: Airflow) -> bool:
    if set(client.known_dags()) >= set(DAGS):
        return True
    if errors := client.import_errors():
        raise MachineError("a DAG file cannot be read:\n" + "\n".join(errors))
    return False


def _binary(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
