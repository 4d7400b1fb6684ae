"""The digest of a definition: what changes it and what does not, in a file and in a running notebook."""

import ast
import inspect
import linecache
import re
import shutil
import subprocess
import sys
import textwrap
import traceback
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell

import study
from study import definitions, parts, paths, profile, repeats, runs, sweep
from study.definitions import trees
from study.definitions.sources import DefinitionError

NOTEBOOK = '''\
# %% [markdown]
# # Part I: A chapter

# %% tags=["setup"]
import math
from functools import partial

from study import helpers
from study.helpers import RATE, Block, scaled

# %%
WIDTH = 3 * 10
SIZES = (WIDTH, WIDTH // 2)


# %% tags=["model"]
def base(width: int = WIDTH) -> list:
    """A model."""
    return [width, math.sqrt(2), *(unit(n) for n in SIZES)]


# %% tags=["model"]
def unit(n):
    return scaled(n) + RATE


# %% tags=["model", "hide-cell"]
KINDS = {"plain": Block, "deep": lambda n: Block(n, 2)}


class Net:
    """Built of blocks."""

    size: int = 4

    def __init__(self, kind: str = "plain"):
        self.block = KINDS[kind](self.size)

    def __call__(self, x):
        return self.block(helpers.shifted(x))


# %%
net = Net()
net(1)
'''

HELPERS = '''\
"""What two notebooks share."""

from dataclasses import dataclass

RATE = 0.5
LOWEST = -(2**63)
OFFSET, _OTHER = 7, 8


def scaled(n):
    return n * 2


def shifted(x):
    return x + OFFSET


@dataclass(frozen=True)
class Choice:
    depth: int = 1
    rate: float = RATE


CHOICE = Choice(depth=3)


class Block:
    def __init__(self, n, depth=CHOICE.depth):
        self.n, self.depth = n, depth

    def __call__(self, x):
        return self.n + x if self.depth else self(x)
'''

MODELS = ("base", "unit", "Net")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one notebook and one module; `edit(old, new)` changes the file that holds `old`."""
    notebooks, study = tmp_path / "notebooks", tmp_path / "study"
    notebooks.mkdir(), study.mkdir()
    (study / "__init__.py").write_text("")
    (study / "helpers.py").write_text(HELPERS)
    notebook = notebooks / "part1_chapter.py"
    notebook.write_text(NOTEBOOK)
    for name, folder in {"ROOT": tmp_path, "NOTEBOOKS": notebooks, "STUDY": study}.items():
        monkeypatch.setattr(paths, name, folder)

    def edit(old, new):
        (file,) = (f for f in (notebook, study / "helpers.py") if f.read_text().count(old) == 1)
        file.write_text(file.read_text().replace(old, new))

    def digests():
        return {name: definitions.in_file(notebook, name) for name in MODELS}

    return SimpleNamespace(root=tmp_path, notebook=notebook, helpers=study / "helpers.py", edit=edit, digests=digests)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("math.sqrt(2)", "math.sqrt(3)", {"base"}),
        ("width: int = WIDTH", "width: int = 31", {"base"}),
        ("scaled(n) + RATE", "scaled(n) - RATE", {"base", "unit"}),
        ("WIDTH = 3 * 10", "WIDTH = 31", {"base"}),
        ("WIDTH // 2", "WIDTH // 3", {"base"}),
        ("RATE = 0.5", "RATE = 0.25", {"base", "unit", "Net"}),
        ("return n * 2", "return n * 3", {"base", "unit"}),
        ("OFFSET, _OTHER = 7, 8", "OFFSET, _OTHER = 6, 8", {"Net"}),
        ("depth=3", "depth=4", {"Net"}),
        ("depth: int = 1", "depth: int = 2", {"Net"}),
        ("size: int = 4", "size: int = 5", {"Net"}),
        ("size: int = 4", "size = 4", {"Net"}),  # a field of a dataclass no more
        ('"deep": lambda n: Block(n, 2)', '"deep": lambda n: Block(n, 3)', {"Net"}),
        ("self.n + x if", "self.n - x if", {"Net"}),
        ("@dataclass(frozen=True)", "@dataclass", {"Net"}),
        # What computes nothing else.
        ('"""A model."""', '"""Another sentence."""', set()),
        ('    """A model."""\n', "", set()),
        ("(width: int = WIDTH) -> list:", "(width: float = WIDTH):", set()),
        ("WIDTH = 3 * 10", "WIDTH = 30", set()),
        ("WIDTH = 3 * 10", "WIDTH: int = 30  # units", set()),
        ("return scaled(n) + RATE", "# A comment.\n\n    return (\n        scaled(n) + RATE\n    )", set()),
        ("return scaled(n) + RATE", "pass\n    return scaled(n) + RATE", set()),
        ("OFFSET, _OTHER = 7, 8", "_OTHER = 9\nOFFSET = 7", set()),
        ("RATE = 0.5", "RATE = 1 / 2", set()),
        ("size: int = 4", "size: float = 4", set()),
        ("LOWEST = -(2**63)", "LOWEST = open('no matter')", set()),
        ("from study import helpers\n", "import study.helpers as helpers\n", set()),
        ("from study import helpers\n", "from study import helpers, missing\n", set()),  # not used: no matter
        ("net = Net()", "net = Net('deep')", set()),
        ('"""What two notebooks share."""\n', "", set()),
    ],
)
def test_an_edit_changes_the_models_that_it_reaches_and_no_other(project, old, new, changed):
    before = project.digests()
    project.edit(old, new)
    after = project.digests()
    assert {name for name in MODELS if before[name] != after[name]} == changed


def test_a_definition_is_the_same_wherever_it_stands(project):
    before = project.digests()
    scaled = "\n\ndef scaled(n):\n    return n * 2\n"
    project.edit(scaled, "\n")
    project.helpers.write_text(project.helpers.read_text() + scaled)
    assert project.digests() == before
    text = project.notebook.read_text()
    unit = "def unit(n):\n    return scaled(n) + RATE\n"
    project.notebook.write_text(text.replace(unit, "").replace("RATE, Block, scaled", "RATE, Block, scaled, unit"))
    project.helpers.write_text(project.helpers.read_text() + f"\n\n{unit}")
    assert definitions.in_file(project.helpers, "unit") == before["unit"]
    assert definitions.in_file(project.notebook, "base") == before["base"]


def test_definitions_that_use_each_other(project):
    def both():
        return {definitions.in_file(project.helpers, name) for name in ("scaled", "odd")}

    project.edit("return n * 2", "return odd(n) if n else 0\n\n\ndef odd(n):\n    return scaled(n - 1)")
    before = both()
    project.edit("scaled(n - 1)", "scaled(n - 2)")
    assert len(before) == 2 and not before & both()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("WIDTH = 3 * 10", "WIDTH = math.floor(30.5)", r"chapter.py, line \d+: a definition uses WIDTH, which can't"),
        ("WIDTH = 3 * 10", "WIDTH = WIDTH + 1", "uses WIDTH, which can't be read"),
        ("WIDTH = 3 * 10", "WIDTH = 30\nWIDTH += 1", "lines 12, 13: WIDTH is defined or changed more than once"),
        ("SIZES = (WIDTH, WIDTH // 2)", "SIZES = [WIDTH]\nSIZES[0] = 3", "SIZES is defined or changed more than once"),
        ("SIZES = (WIDTH, WIDTH // 2)", "for SIZES in range(2):\n    pass", "uses SIZES, which can't be read"),
        ("SIZES = (WIDTH, WIDTH // 2)", "", "SIZES is not defined there"),
        ("SIZES = (WIDTH, WIDTH // 2)", "SIZES = (helpers,)", "uses SIZES, which can't be read"),
        ("for n in SIZES", "for n in vars(helpers)", "the module helpers is used as a whole; write helpers.…"),
        ("RATE, Block, scaled", "RATE, Block, missing as scaled", "helpers.py: missing is not defined there"),
        ('# %% tags=["model"]\ndef unit', "# %%\ndef unit", 'unit is needed by a model; give its cell the tag "model"'),
        ("def base(width", "def base((width", r"part1_chapter.py, line \d+: .*; repair the code there"),
    ],
)
def test_what_cannot_be_told_is_named(project, old, new, message):
    project.edit(old, new)
    with pytest.raises(DefinitionError, match=message):
        definitions.in_file(project.notebook, "base")


def test_no_definition_of_that_name(project):
    for name in ("sorted", "RATE", "net", "absent"):
        with pytest.raises(DefinitionError, match=rf"{name}"):
            definitions.in_file(project.notebook, name)
    with pytest.raises(DefinitionError, match="notebooks/none.py: expected a notebook"):
        definitions.in_file(paths.NOTEBOOKS / "none.py", "base")
    with pytest.raises(DefinitionError, match="Path is no function or class of a notebook or of the project"):
        definitions.of(Path)
    with pytest.raises(DefinitionError, match="int is no function"):
        definitions.of(3)


# A running notebook


@pytest.fixture
def shell(project, tmp_path, monkeypatch):
    """An IPython that imports the project's `study.helpers`; the rest of `study` is this project's."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    helpers = ModuleType("study.helpers")
    helpers.__file__ = str(project.helpers)
    exec(compile(HELPERS, helpers.__file__, "exec"), vars(helpers))
    monkeypatch.setitem(sys.modules, "study.helpers", helpers)
    monkeypatch.setattr(study, "helpers", helpers, raising=False)
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def run(shell, *cells):
    for cell in cells:
        shell.run_cell(textwrap.dedent(cell), store_history=True).raise_error()


def run_notebook(shell, notebook):
    run(shell, *(cell.partition("\n")[2] for cell in notebook.read_text().split("# %%") if "[markdown]" not in cell))


def live(shell):
    return {name: definitions.of(shell.user_ns[name]) for name in MODELS}


def test_the_cell_that_was_run_has_the_digest_of_the_file(project, shell):
    run_notebook(shell, project.notebook)
    assert live(shell) == project.digests()
    cell = 'def unit(n):\n    """Changed here."""\n    return scaled(n) - RATE\n'
    run(shell, cell)
    assert live(shell)["Net"] == project.digests()["Net"] and live(shell)["base"] != project.digests()["base"]
    project.edit("return scaled(n) + RATE", "return scaled(n) - RATE")
    assert live(shell) == project.digests()


def test_what_the_names_stand_for_now_counts(project, shell):
    run_notebook(shell, project.notebook)
    run(shell, "SIZES = (30, 14)")
    project.edit("(WIDTH, WIDTH // 2)", "(WIDTH, 14)")
    assert live(shell) == project.digests()
    run(shell, "from math import pi, tau as RATE", "def turn():\n    return pi * RATE")
    assert definitions.of(shell.user_ns["turn"])  # a library's number counts by its name
    run(shell, "from study.helpers import CHOICE", "def chosen():\n    return CHOICE")
    project.notebook.write_text(
        project.notebook.read_text().replace("RATE, Block", "RATE, CHOICE, Block")
        + '\n# %% tags=["model"]\ndef chosen():\n    return CHOICE\n'
    )
    assert definitions.of(shell.user_ns["chosen"]) == definitions.in_file(project.notebook, "chosen")


def test_a_class_without_methods_and_a_lambda(project, shell):
    cells = [
        "from dataclasses import dataclass",
        "@dataclass\nclass Sizes:\n    width: int = 3",
        "def sized(given=Sizes()):\n    return double(given.width)",
        "double = lambda x: 2 * x",
    ]
    run(shell, *cells)
    project.notebook.write_text("\n\n".join(f'# %% tags=["model"]\n{cell}' for cell in cells))
    for name in ("Sizes", "sized", "double"):
        assert definitions.of(shell.user_ns[name]) == definitions.in_file(project.notebook, name)
    run(shell, "@dataclass\nclass Sizes:\n    width: int = 4")
    assert definitions.of(shell.user_ns["Sizes"]) != definitions.in_file(project.notebook, "Sizes")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["data = open", "table = object()", "def m():\n    return table"], "uses table, which holds object: pass it"),
        (["def m():\n    return absent"], "uses absent, which the notebook does not define; run its cell first"),
        (["def outer():\n    def inner(): pass\n    return inner\nm = outer()"], "is no definition of its own"),
        (["exec('def m():\\n    return 1')"], "where m was defined is not known"),
        (["import study.helpers as h", "def m():\n    return vars(h)"], "the module h is used as a whole"),
    ],
)
def test_what_cannot_be_told_of_a_running_notebook_is_named(project, shell, cells, message):
    run(shell, *cells)
    with pytest.raises(DefinitionError, match=message):
        definitions.of(shell.user_ns["m"])


def test_what_was_edited_after_its_import_is_refused(project, shell):
    run_notebook(shell, project.notebook)
    for old, new in (
        ("return n * 2", "return n * 3"),
        ("RATE = 0.5", "RATE = 0.6"),
        ("return x + OFFSET", "return x + _OTHER"),
        ("self.n + x if", "self.n * x if"),
    ):
        definitions.of(shell.user_ns["base"]), definitions.of(shell.user_ns["Net"])
        project.edit(old, new)
        with pytest.raises(DefinitionError, match="study/helpers.py was changed after .*restart the kernel"):
            definitions.of(shell.user_ns["base"]), definitions.of(shell.user_ns["Net"])
        project.edit(new, old)
    project.edit("return n * 2", "# A comment moves the lines.\n    return n * 2")
    assert live(shell) == project.digests()


# Loading


def test_load_gives_the_models_and_executes_nothing_else(project):
    project.edit("net = Net()\n", "raise AssertionError\nnet = Net()\n")
    project.edit("from functools import partial\n", "import no_such_library\n")
    (project.root / "study" / "helpers.py").write_text("raise AssertionError")
    text = (
        '# %% tags=["model"]\nimport math\nTWO = 2\n\n\ndef root(x):\n    return math.sqrt(x) * TWO * THREE\n\n\n# %%\n'
    )
    project.notebook.write_text(text + "THREE = 3\nimport no_such_library\nraise AssertionError\n")
    models = definitions.load(project.notebook)
    assert models.TWO == 2 and models.root(4) == 12
    assert definitions.load(project.notebook) is models
    project.notebook.write_text(text + "THREE = 5\n")
    assert definitions.load(project.notebook).root(4) == 20


def test_loaded_models_have_their_lines_and_their_source(project):
    project.notebook.write_text(
        '# %% [markdown]\n# # A title\n\n# %%\nimport math\n\n# %% tags=["model"]\n'
        "class Net:\n    def broken(self) -> 'no such':\n        return math.sqrt(-1)\n\n\n"
        "def plain(x: Unknown):\n    return x\n"
    )
    models = definitions.load(project.notebook)
    with pytest.raises(ValueError) as caught:
        models.Net().broken()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.line) == (str(project.notebook), 10, "return math.sqrt(-1)")
    assert inspect.getsource(models.Net).startswith("class Net:\n    def broken(self)")
    assert inspect.getsource(models.plain) == "def plain(x: Unknown):\n    return x\n"
    assert definitions.of(models.Net) == definitions.in_file(project.notebook, "Net")
    linecache.checkcache(str(project.notebook))


def test_load_refuses_what_would_compute_something(project):
    project.notebook.write_text('# %%\ndata = open("x").read()\n\n# %% tags=["model"]\ndef m():\n    return data\n')
    with pytest.raises(DefinitionError, match="line 2: a definition uses data, which can't be read without executing"):
        definitions.load(project.notebook)


# This project's own


ODD = '''
def odd(a, /, b: int = 1, *c, d=2.5, **e):
    """Doc."""
    x: int = f"{a}" "tail" f"{b:>{d}}{{x}}" f"{c!r:}"
    y = f"{a=} {b = :.3f}" "é" "\\N{SNOWMAN}"
    s = f"\\x41{a}\\n" rf"\\d{b}"
    t = f"{'nested'}{a['k']}"
    with (open(a) as f, open(b) as g):
        pass
    match a:
        case {"k": v, **rest}:
            return v, rest
        case [1, *others] | (2, others):
            return others
        case None | True:
            return 1j
    try:
        z = b"\\xff" if False else u"u"
    except* ValueError as err:
        raise err
    w = lambda q=x: (k := q)
    return [i for i in a if (k := i)], {**e}, {*c}, -1, 1e400, 10**30, ..., x[1:2, ::3], x if y else z, s, t, w, f, g
'''


def test_every_python_gives_the_same_digest(project):
    """These digests were the same on 3.11, 3.12 and 3.13; each runs this test."""
    project.notebook.write_text(NOTEBOOK)
    file = project.root / "odd.py"
    file.write_text(ODD)
    assert definitions.in_file(file, "odd") == "433bf97a6d76"
    assert project.digests() == {"base": "98f53c0d2fb9", "unit": "4d2d1d994191", "Net": "491a32568194"}


def test_names_that_a_definition_takes_from_outside():
    tree = ast.parse(
        textwrap.dedent("""
        class Net(nn.Module, metaclass=Kind):
            width: int = WIDTH
            WIDTH = WIDTH
            double = [width for _ in range(WIDTH)]

            def forward(self, x, *, mask=MASK) -> Annotation:
                from study.attention import SelfAttention as attend
                import study.news.tokens

                global SEEN
                SEEN = SEEN + study.news.tokens.PADDING
                local = [y for y in x for z in y if (last := z)]
                inner = lambda q: (q, local, last, outer)
                def nested():
                    nonlocal local
                    local = functional.relu(attend(x))
                try:
                    return nested, inner
                except ValueError as error:
                    return error, WIDTH
        """)
    ).body[0]
    found = {str(use): use.imported for use in trees.uses(tree)}
    assert set(found) == {
        "nn.Module", "Kind", "WIDTH", "width", "range", "MASK", "attend", "study.news.tokens.PADDING", "outer",
        "functional.relu", "ValueError", "SEEN",
    }  # fmt: skip
    assert found["attend"] == ("study.attention", "SelfAttention")
    assert found["study.news.tokens.PADDING"] == ("study", None)


def test_telling_a_digest_imports_no_framework():
    code = (
        "import sys; from study import definitions, parts\n"
        "definitions.in_file(parts.find('part4').source, 'TextClassifier')\n"
        "definitions.in_file(parts.find('part1').source, 'autoencoder')\n"
        "print(sorted({'torch', 'keras', 'tensorflow', 'IPython', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def own_notebooks(tmp_path, monkeypatch):
    """Copies of this project's notebooks in place of them; `edit(part, old, new)` changes one."""
    folder = tmp_path / "notebooks"
    shutil.copytree(paths.NOTEBOOKS, folder, ignore=shutil.ignore_patterns("*.ipynb"))
    monkeypatch.setattr(paths, "NOTEBOOKS", folder)

    def edit(part, old, new):
        file = folder / part.source.name
        assert file.read_text().count(old) == 1
        file.write_text(file.read_text().replace(old, new))

    return edit


@pytest.mark.parametrize(
    ("key", "old", "new", "stale"),
    [
        ("part1", "layers.Dense(32, name", "layers.Dense(33, name", r".*"),
        ("part1", "The assignment's model; its", "Another sentence; its", r"none"),
        ("part4", "nn.ReLU(), Dro", "nn.GELU(), Dro", r"part4-(variants|l2|speed|conditions) .*|.* early-.*"),
        (
            "part4",
            "weights.sum(dim=1)",
            "weights.mean(dim=1)",
            r"part4-(variants|l2|speed|own|ablation|conditions) .*|.* (early|own)-.*",
        ),
        ("bonus", "self.branch(x) + self.shortcut(x)", "self.branch(x) - self.shortcut(x)", r".* (resnet|throughput)"),
        ("bonus", "self.norm(x)[:, 0]", "self.norm(x)[:, 1]", r".* (vit|vit-c|without-attention|bag-of-patches)"),
        ("bonus", "(128, 1)", "(96, 1)", r".* (vit-c|without-attention|bag-of-patches)"),
        ("bonus", "nn.MaxPool2d(2)", "nn.AvgPool2d(2)", r".* vgg"),
        ("bonus", "hidden_dim=1280", "hidden_dim=640", r".* efficientnet"),
    ],
)
def test_an_edited_layer_makes_the_records_of_its_model_stale_and_no_other(own_notebooks, key, old, new, stale):
    part, full = parts.find(key), profile.load("full")
    store, specs = runs.Store(full.records), part.experiments.specs(full)
    own_notebooks(part, old, new)
    gone = [spec for spec in part.experiments.specs(full) if not store.file(spec).exists()]
    found = {f"{spec['task']} {spec['model']}" for spec in gone}
    assert found == {name for name in (f"{s['task']} {s['model']}" for s in specs) if re.fullmatch(stale, name)}


def test_a_sweep_goes_by_the_models_of_the_notebooks_and_not_by_their_prose(own_notebooks):
    before, part1 = sweep.project(), parts.find("part1")
    own_notebooks(part1, "**Scenario.**", "**The scenario.**")
    assert sweep.project() == before
    own_notebooks(part1, "layers.Dense(32, name", "layers.Dense(33, name")
    assert sweep.project() != before


def test_runs_of_different_definitions_are_not_compared():
    record = runs.Record({"task": "t", "seed": 0, "definition": "0" * 12}, {}, {}, {})
    other = replace(record, spec=record.spec | {"definition": "1" * 12})
    with pytest.raises(ValueError, match="two records of different specs"):
        repeats.rows_of(record, other)
