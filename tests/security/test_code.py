"""What no line of this project does: load what can hold code, evaluate text, hand text to a shell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FOLDERS = ("harness", "registry", "plugins", "examples", "benchmarks", "scripts")
FILES = sorted(path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py"))
SERIALIZERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
EVALUATORS = {"eval", "exec", "compile", "__import__"}
WORTH_PARSING = re.compile(
    "|".join(SERIALIZERS)
    + r"|(?<![.\w])(eval|exec|compile|__import__)\(|torch\.load|yaml\.|os\.(system|popen)|allow_pickle|shell="
    r"|extractall|unpack_archive|trust_remote_code|from_pretrained"
)
"""What every fault has in its text."""

SUITES = "registry/zsg_registry/testing/suites/"
"""They see that a plugin survives being pickled: what they load they wrote a line before."""

CHOSEN_BY_USERS = {
    "harness/zsg_harness/models/loading.py",
    "harness/zsg_harness/cli/explain.py",
    "harness/zsg_harness/cli/leaderboard/verify.py",
}
"""Where `trust_remote_code` is what the user's matrix or command says."""


def faults(source: str, path: str = "x.py") -> Iterator[str]:
    if not WORTH_PARSING.search(source):
        return
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or ""
            names = {alias.name.partition(".")[0] for alias in node.names} if not module else {module.partition(".")[0]}
            if not path.startswith(SUITES):
                yield from (f"imports {name}" for name in sorted(names & SERIALIZERS))
        if isinstance(node, ast.Call):
            yield from call_faults(node, path)


def call_faults(call: ast.Call, path: str) -> Iterator[str]:
    name = ast.unparse(call.func)
    given = {each.arg: each.value for each in call.keywords}

    def is_true(argument: str) -> bool:
        value = given.get(argument)
        return isinstance(value, ast.Constant) and value.value is True

    if name in EVALUATORS:
        yield f"calls {name}"
    if name == "torch.load" and not is_true("weights_only"):
        yield "calls torch.load without weights_only=True"
    if "allow_pickle" in given and not (
        isinstance(flag := given["allow_pickle"], ast.Constant) and flag.value is False
    ):
        yield "allows pickles in NumPy files"
    if name in ("yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system", "os.popen"):
        yield f"calls {name}"
    if is_true("shell"):
        yield "hands text to a shell"
    if name.endswith((".extractall", ".unpack_archive")):
        yield "unpacks an archive without looking at its members"
    trusts = given.get("trust_remote_code")
    is_off = isinstance(trusts, ast.Constant) and trusts.value is False
    if trusts is not None and not is_off and path not in CHOSEN_BY_USERS:
        yield "trusts remote code"
    is_model = name.startswith("AutoModel") and name.endswith(".from_pretrained")
    if is_model and path.startswith(("harness/", "plugins/")) and not is_true("use_safetensors"):
        yield "loads weights that need not be safetensors"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import pickle", "imports pickle"),
        ("from joblib import load", "imports joblib"),
        ("torch.load(f)", "torch.load without"),
        ("torch.load(f, weights_only=False)", "torch.load without"),
        ("np.load(f, allow_pickle=True)", "pickles"),
        ("np.load(f, allow_pickle=flag)", "pickles"),
        ("eval(text)", "calls eval"),
        ("subprocess.run(text, shell=True)", "shell"),
        ("tar.extractall(folder)", "archive"),
        ("AutoTokenizer.from_pretrained(x, trust_remote_code=True)", "remote code"),
        ("AutoModel.from_pretrained(x)", "safetensors"),
    ],
)
def test_the_check_finds(source: str, fault: str) -> None:
    (found,) = faults(source, "harness/x.py")
    assert fault in found


def test_no_code_is_loaded_from_data() -> None:
    assert len(FILES) > 300
    found = {
        str(path.relative_to(PROJECT)): told
        for path in FILES
        if (told := list(faults(path.read_text(encoding="utf-8"), path.relative_to(PROJECT).as_posix())))
    }
    assert found == {}


def test_templates_never_switch_escaping_off() -> None:
    templates = [path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.j2")]
    assert templates
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", "")
        assert "autoescape" not in text
