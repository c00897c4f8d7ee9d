"""A job is also who it is by what its plug-ins import, however far away; and by nothing that happens to be loaded."""

import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from zipfile import ZipFile

import pytest

from lstm_bench.config.schema import JobConfig, TrainerConfig
from lstm_bench.study.identity import job_identity
from lstm_bench.study.plug_in_source import plug_in_sources

TASK = {"_target_": "lstm_bench.tasks.copy.CopyTask", "lag": 10}
RNN = {"_target_": "lstm_bench.cells.rnn.RNNCell", "hidden_size": 64}
JOB = JobConfig("copy", "own", TASK, {"_target_": "plugged.Own"}, TrainerConfig())
OWN = "\n\nclass Own:\n    pass\n"
ONE, NINE = "SCALE = 1\n", "SCALE = 9\n"  # as long as each other


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder on the import path, whose modules are forgotten afterwards."""
    before, path = set(sys.modules), list(sys.path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if str(tmp_path) in f"{vars(sys.modules[name]).get('__file__')} {vars(sys.modules[name]).get('__path__')}":
            del sys.modules[name]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    importlib.invalidate_caches()
    return path


def identities(file: Path, *texts: str, job: JobConfig = JOB) -> list[str]:
    """Return a job's identity with each of these texts in a file."""
    return [job_identity(job) for text in texts if written(file, text)]


IMPORTS = {
    "import": "import helper",
    "import as": "import helper as something",
    "from": "from helper import SCALE",
    "star": "from helper import *",
    "in a function": "def later():\n    import helper\n    return helper.SCALE",
    "in a try": "try:\n    import helper\nexcept ImportError:\n    helper = None",
    "under an if": "import sys\nif sys.platform == 'nowhere':\n    import helper",
    "not for type checkers": "import typing\nif typing.TYPE_CHECKING:\n    pass\nelse:\n    import helper",
    "import_module": "import importlib\nhelper = importlib.import_module('helper')",
    "import_module under another name": "from importlib import import_module as get\nhelper = get('helper')",
    "__import__": "helper = __import__('helper')",
    "from a list": "import importlib\nall = [importlib.import_module(name) for name in ('helper', 'json')]",
    "by its file": "import runpy, os\nrun = runpy.run_path(os.path.join(os.path.dirname(__file__), 'helper.py'))",
    "put together": "import importlib\nhelper = importlib.import_module('hel' + 'per')",
    "put together, a class kept": "import importlib\nK = importlib.import_module('hel' + 'per').Kept",
    "put together, an object kept": "import importlib\nk = importlib.import_module('hel' + 'per').Kept()",
}  # fmt: skip


@pytest.mark.parametrize("statement", IMPORTS.values(), ids=IMPORTS.keys())
def test_a_changed_helper_changes_the_identity(place, statement):
    written(place / "plugged.py", f"{statement}{OWN}")
    kept = "\n\nclass Kept:\n    pass\n"
    first, changed, again = identities(place / "helper.py", ONE + kept, NINE + kept, ONE + kept)
    assert first == again != changed


@pytest.mark.parametrize("role", ["task", "cell", "probe"])
def test_so_does_a_helper_of_a_helper_in_each_role(place, role):
    node = {"_target_": "plugged.Own"}
    job = replace(JOB, **{"cell": RNN, role: {"mine": node} if role == "probe" else node})
    written(place / "plugged.py", f"import helper{OWN}")
    written(place / "helper.py", "def later():\n    from further import SCALE\n")
    written(place / "further.py", "import plugged, helper\nfrom last import SCALE\n")  # in a circle, too
    first, changed = identities(place / "last.py", ONE, NINE, job=job)
    assert first != changed


@pytest.mark.parametrize(
    ("statement", "file"),
    [
        ("import pkg.sub", "pkg/sub.py"),
        ("from pkg import sub", "pkg/sub.py"),
        ("from pkg.sub import SCALE", "pkg/sub/__init__.py"),
        ("import pkg", "pkg/loaded/by_its_name.py"),
        ("from pkg import outer", "beside.py"),
        ("import pkg", "linked/sub.py"),
    ],
)
@pytest.mark.parametrize("with_init", [True, False])
def test_a_helping_package_counts_whole_and_with_what_it_imports(place, statement, file, with_init):
    written(place / "pkg" / "outer.py", "import beside\n")
    written(place / "beside.py", ONE)
    (place / "linked").mkdir()
    (place / "pkg" / "linked").symlink_to(place / "linked")
    (place / "pkg" / ".#outer.py").symlink_to("nowhere")  # an editor's lock
    if with_init:
        written(place / "pkg" / "__init__.py", "")
    written(place / file, ONE)
    written(place / "plugged.py", f"{statement}{OWN}")
    first, changed = identities(place / file, ONE, NINE)
    assert first != changed


def test_a_relative_import_stays_inside_a_package_that_counts_whole(place):
    written(place / "plugged" / "__init__.py", f"from . import helper{OWN}")
    first, changed = identities(place / "plugged" / "helper.py", ONE, NINE)
    assert first != changed


def test_a_base_class_counts_wherever_it_comes_from(place):
    written(
        place / "plugged.py", "Base = __import__('ba' + 'ses').Base\n\n\nclass Own(Base):\n    pass\n\n\ndel Base\n"
    )
    first, changed = identities(place / "bases.py", f"{ONE}class Base:\n    pass\n", f"{NINE}class Base:\n    pass\n")
    assert first != changed


def test_a_module_that_a_setting_names_counts(place):
    written(place / "plugged.py", OWN)
    job = replace(JOB, cell=JOB.cell | {"inner": {"activations": ["helper.scaled", "tanh"]}})
    first, changed = identities(place / "helper.py", ONE, NINE, job=job)
    assert first != changed


@pytest.mark.parametrize(
    "text",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import helper",
        "import typing\nif typing.TYPE_CHECKING:\n    from helper import SCALE",
        "try:\n    import not_there_at_all\nexcept ImportError:\n    pass",
        "HELPER = 'helper'",
        "import lstm_bench, lstm_bench.cells.rnn, json, os.path, sys, torch, numpy, hydra",
    ],
)
def test_what_never_runs_or_counts_elsewhere_leaves_the_identity(place, text):
    written(place / "plugged.py", f"{text}{OWN}")
    assert list(plug_in_sources(JOB)) == ["plugged"]
    first, changed = identities(place / "helper.py", ONE, NINE)
    assert first == changed


def test_a_compiled_module_counts_by_its_bytes(place):
    written(place / "plugged.py", f"def later():\n    import helper{OWN}")
    first, changed = identities(place / f"helper{EXTENSION_SUFFIXES[0]}", "one", "two")
    assert first != changed


def test_an_archive_on_the_import_path_counts_whole(place):
    written(place / "plugged.py", f"import helper{OWN}")
    sys.path.append(str(place / "code.zip"))
    with_each = []
    for text in (ONE, NINE):
        with ZipFile(place / "code.zip", "w") as archive:
            archive.writestr("helper.py", text)
        importlib.invalidate_caches()
        with_each.append(job_identity(JOB))
    assert len(set(with_each)) == 2


def test_a_text_that_only_ends_like_a_file_is_no_file(place):
    written(place / "plugged.py", f'"""{"So long. " * 200}See helper.py"""\nNAMES = "a\\0.py", "{"ü" * 300}.py"{OWN}')
    assert list(plug_in_sources(JOB)) == ["plugged"]


def test_source_that_cannot_be_parsed_counts_and_imports_nothing(place):
    written(place / "plugged.py", f"try:\n    import helper\nexcept SyntaxError:\n    pass{OWN}")
    first, changed = identities(place / "helper.py", "print 'two'\n", "print 'three'\n")
    assert first != changed


def test_another_process_that_has_imported_other_things_finds_the_same(place):
    written(place / "plugged.py", f"import pkg\n\n\ndef later():\n    import helper\n{OWN}")
    written(place / "other.py", f"import helper, pkg.sub{OWN}")
    written(place / "pkg" / "__init__.py", "")
    written(place / "pkg" / "sub.py", "import helper\n")
    written(place / "helper.py", ONE)
    other = replace(JOB, cell={"_target_": "other.Own"})
    code = (
        "import sys; from lstm_bench.config.schema import JobConfig, TrainerConfig\n"
        "from lstm_bench.study.identity import job_identity\n"
        f"jobs = [JobConfig('copy', 'own', {TASK}, cell, TrainerConfig()) for cell in ({other.cell}, {JOB.cell})]\n"
        "print(*map(job_identity, jobs))"
    )
    before = job_identity(JOB)
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [job_identity(other), before]
    assert job_identity(JOB) == before


class Installed:
    """A distribution in a folder of its own on the import path, as an installer leaves it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder / "site-packages", name
        sys.path.insert(0, str(self.folder))

    def install(self, version: str, text: str = ONE, requires: str = "torch") -> None:
        """Install a version in place of the one that is there."""
        for old in self.folder.glob(f"{self.name}-*"):
            shutil.rmtree(old)
        metadata = f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {version}\nRequires-Dist: {requires}\n"
        info = f"{self.name}-{version}.dist-info"
        record = f"{self.name}/__init__.py,sha256={text.strip()},9\n{info}/METADATA,sha256={version},9\n"
        written(self.folder / self.name / "__init__.py", text)
        written(self.folder / info / "METADATA", metadata)
        written(self.folder / info / "RECORD", f"{record}../bin/{self.name},sha256=by_place,9\n")


def test_an_installed_library_counts_by_its_version_and_by_what_was_installed(place):
    written(place / "plugged.py", f"from recurrent_things import SCALE{OWN}")
    library = Installed(place, "recurrent_things")
    library.install("0.1")
    sources = [plug_in_sources(JOB)]
    assert sources[0]["recurrent_things"].startswith("recurrent_things 0.1 ")
    for version, text in (("0.2", ONE), ("0.2", NINE), ("0.1", ONE)):
        library.install(version, text)
        sources.append(plug_in_sources(JOB))
    assert sources[3] == sources[0]
    assert len({json.dumps(each) for each in sources}) == 3


def test_so_does_what_an_installed_library_requires(place):
    written(place / "plugged.py", f"def later():\n    import recurrent_things{OWN}")
    Installed(place, "recurrent_things").install("0.1", requires="basic-things>=1")
    basic = Installed(place, "basic_things")
    versions = []
    for version in ("1.0", "1.1"):
        basic.install(version, requires='pytest; extra == "test"')
        versions.append(plug_in_sources(JOB))
    assert [sorted(each) for each in versions] == [["basic_things", "plugged", "recurrent_things"]] * 2
    assert versions[0] != versions[1]


def test_an_editable_library_counts_by_its_source(place):
    library = Installed(place, "recurrent_things")
    library.install("0.1")
    (library.folder / "recurrent_things" / "__init__.py").unlink()
    (library.folder / "recurrent_things").rmdir()
    sys.path.insert(0, str(place / "src"))
    written(place / "plugged.py", f"import recurrent_things{OWN}")
    first, changed = identities(place / "src" / "recurrent_things" / "__init__.py", ONE, NINE)
    assert first != changed
