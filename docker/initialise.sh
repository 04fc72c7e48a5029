#!/usr/bin/env bash
# Prepares what the services share: the home, Airflow's database, its pools and its login.
# Safe to run again.
set -euo pipefail

vitrine init
mkdir -p "$AIRFLOW_HOME"
python - <<'PYTHON'
import json, os
path = os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]
with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
    json.dump({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}, file)
PYTHON
airflow db migrate
python -m vitrine.operations.pools > "$AIRFLOW_HOME/pools.json"
airflow pools import "$AIRFLOW_HOME/pools.json"
