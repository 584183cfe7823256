"""The run over installed packages, on a small environment put together from this one."""

import importlib.metadata
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipeline import sql
from pipeline.config import load
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "python_environment.yaml"
DEPENDENCIES = ("fsspec", "pydantic", "rich", "trafilatura", "typer")


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("environment")
    site = folder / "lib" / "python3.99" / "site-packages"
    installed = Path(sysconfig.get_path("purelib"))
    code = shutil.ignore_patterns("*.pyc", "__pycache__")
    shutil.copytree(installed / "typer", site / "typer", ignore=code)
    shutil.copytree(installed / "typer", site / "other" / "_vendor" / "typer", ignore=code)
    (site / "empty.py").write_text("", encoding="utf-8")
    table = "TABLE = [\n" + "".join(f"    ({n}, {n * n}, {n * n * n}),\n" for n in range(400)) + "]\n"
    (site / "table.py").write_text(table, encoding="utf-8")
    (site / "data.py").write_text(f'DATA = b"{"x4Gz" * 2000}"\n', encoding="utf-8")
    for name in DEPENDENCIES:
        about = importlib.metadata.distribution(name).read_text("METADATA")
        assert about is not None
        (site / f"{name}-1.dist-info" / "licenses").mkdir(parents=True)
        (site / f"{name}-1.dist-info" / "METADATA").write_text(about, encoding="utf-8")
        (site / f"{name}-1.dist-info" / "licenses" / "LICENSE").write_text(LICENSE, encoding="utf-8")
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count("{site-packages}") == 3 and "output: out/python-environment" in text
    text = text.replace("{site-packages}", str(site)).replace("output: out", f"output: {folder / 'out'}")
    file = folder / "python_environment.yaml"
    # Of so few packages not every rule finds something.
    file.write_text(text + "\ntripwires: off\n", encoding="utf-8")
    Run(make_plan(load(str(file))), Settings("inline"), Progress(quiet=True))()
    with sql.connect(str(folder / "out" / "python-environment")) as connection:
        yield connection


LICENSE = """\
You may use, copy and change this program and give it to others, as long as you pass on this text
with it. The people who wrote it have done so with care, but they make no promise that it is fit for
what you have in mind, and they are not liable for any damage that comes of it. If you change it, say
so in the files that you have changed, and do not use the names of the authors to advertise what you
have made of it without asking them first.
"""


def dropped_by(views: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    query = "SELECT dropped_by FROM dropped WHERE origin LIKE '%' || ?"
    [(rules,)] = views.execute(query, [name]).fetchall()
    found: list[str] = rules
    return found


def test_files_without_prose_or_names_are_dropped(views: duckdb.DuckDBPyConnection) -> None:
    assert "too_few_words" in dropped_by(views, "empty.py")
    assert "few_names" in dropped_by(views, "table.py")
    assert "packed_data" in dropped_by(views, "data.py")


def test_of_copied_modules_and_licences_one_stays(views: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT count(*) FROM {} WHERE origin LIKE '%{}'"
    for name in ("typer/main.py", "LICENSE"):
        [kept] = views.execute(query.format("documents", name)).fetchall()
        assert kept == (1,), name
    copies = "SELECT count(*) FROM dropped WHERE origin LIKE '%LICENSE' AND 'exact_duplicate' IN dropped_by"
    assert views.execute(copies).fetchall() == [(len(DEPENDENCIES) - 1,)]


def test_both_sources_are_drawn(views: duckdb.DuckDBPyConnection) -> None:
    drawn = dict(views.execute("SELECT source, sum(tokens)::INTEGER FROM shards GROUP BY source").fetchall())
    assert set(drawn) == {"code", "prose"}
    assert drawn["code"] > 10_000 and drawn["prose"] > 100
