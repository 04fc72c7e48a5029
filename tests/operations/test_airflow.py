import socket
import threading

import pytest

from vitrine.errors import MachineError
from vitrine.operations.airflow import Airflow

HEALTHY = (
    b'{"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"},'
    b' "dag_processor": {"status": "healthy"}}'
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


@pytest.fixture
def unsteady_server():
    """A server that hangs up on its first two callers, and answers the third."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        for caller in range(3):
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                if caller == 2:
                    connection.sendall(ANSWER % (len(HEALTHY), HEALTHY))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def test_an_answer_that_breaks_off_is_asked_for_again(unsteady_server):
    assert Airflow(unsteady_server, "password").is_healthy()


def test_where_nothing_listens_it_says_what_to_type():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(MachineError, match="make up"):
        Airflow(f"http://127.0.0.1:{port}", "password").runs()
