import re
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent


def make(*arguments):
    done = subprocess.run(
        # `make test` runs these tests: a make within a make names the folders that it enters.
        ["make", "--no-print-directory", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_says_each_target_in_a_sentence():
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    lines = make("help").splitlines()
    assert [line.split()[1] for line in lines] == targets
    assert all(line.rstrip().endswith(".") for line in lines)


def test_of_what_pip_prints_a_few_lines_are_told():
    collected = [f"Collecting p{n}==1 (from -r requirements.lock (line {n}))" for n in range(1, 60)]
    sizes = [
        "  Downloading torch-2.whl (188.2 MB)",
        "  Downloading six.whl (188.9 kB)",
        "  Downloading numpy.whl (16.1 MB)",
    ]
    printed = [*collected, *sizes, "Installing collected packages: torch, six"]
    done = subprocess.run(
        ["make", "--no-print-directory", "--eval=told: ; @$(TOLD)", "told"],
        cwd=REPOSITORY,
        input="\n".join([*printed, ""]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "  package 25: p25==1",
        "  package 50: p50==1",
        "  loading torch-2.whl (188.2 MB)",
        "  unpacking them: minutes without a line",
    ]


def test_demo_passes_on_the_shop_and_its_folder():
    assert re.search(r"\.venv/bin/vitrine demo *\n", make("--dry-run", "demo"))
    line = make("--dry-run", "demo", "SOURCE=online_retail", "LANDING=../raw")
    assert ".venv/bin/vitrine demo --source online_retail --landing ../raw" in line
    assert "--fresh" not in line


def test_demo_erases_an_earlier_one_only_when_it_is_told_to():
    assert re.search(r"\.venv/bin/vitrine demo +--fresh\n", make("--dry-run", "demo", "FRESH=1"))


def test_a_machine_without_python_is_told_what_to_type(tmp_path):
    for name in ("Makefile", "requirements.lock"):
        (tmp_path / name).write_text((REPOSITORY / name).read_text())
    done = subprocess.run(
        ["make", "setup", "PYTHON=python3.11-that-is-not-there"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "needed Python 3.11; type: sudo apt-get install python3.11" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_a_machine_without_java_is_told_before_anything_is_installed(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "sh", "cmp", "cp", "python3.11"):
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    for name in ("Makefile", "requirements.lock"):
        (tmp_path / name).write_text((REPOSITORY / name).read_text())
    make_itself = shutil.which("make")
    assert make_itself
    done = subprocess.run(
        [make_itself, "setup", f"SHELL={tools / 'bash'}"],
        cwd=tmp_path,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "found no java, needed Java 17; type: sudo apt-get install" in done.stdout
    assert not (tmp_path / ".venv").exists()
