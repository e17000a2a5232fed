"""What a check-up finds in a model's folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.model_checkup import check_model, read_model
from mergekit_ext.inputs.turn_checkup import ModelFact


WORDS = {f"w{at}": at for at in range(8)}
ADDED = {"<s>": 8, "</s>": 9, "<|user|>": 10, "<|end|>": 11, "<|free|>": 12}
CHAT = "{{ bos_token }}<|user|>{{ text }}<|end|>"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows(count: int = 16) -> torch.Tensor:
    """Return rows of length 1, no two alike."""
    found = torch.randn(count, 32, generator=torch.Generator().manual_seed(0))
    return found / found.norm(dim=1, keepdim=True)


def save(name: str, **changes: Any) -> None:
    """Write a model in which all is well, but for changes: a file's name to its keys.

    ``weights`` are tensors by name; what is ``None`` is left out.
    """
    listed = [{"content": text, "id": id_} for text, id_ in ADDED.items()]
    files: dict[str, Any] = {
        "config": {
            "vocab_size": 16, "eos_token_id": [9, 11], "bos_token_id": 8,
            "pad_token_id": 9, "tie_word_embeddings": False,
        },
        "generation_config": {"eos_token_id": [9, 11]},
        "tokenizer": {"model": {"vocab": WORDS}, "added_tokens": listed},
        "tokenizer_config": {"eos_token": "<|end|>", "chat_template": CHAT},
    }  # fmt: skip
    weights = {EMBEDDING: rows(), HEAD: rows()}
    weights |= changes.pop("weights", {})
    folder = Path(name)
    folder.mkdir()
    for file, content in files.items():
        change = changes.get(file, {})
        if change is not None:
            written = {k: v for k, v in (content | change).items() if v is not None}
            (folder / f"{file}.json").write_text(json.dumps(written), "utf-8")
    kept = {key: value for key, value in weights.items() if value is not None}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def facts(name: str = "m", like: str | None = None, **more: Any) -> list[ModelFact]:
    donor = None if like is None else read_model(like)
    return check_model(read_model(name), donor, **more)


def one(what: str, found: list[ModelFact]) -> ModelFact:
    (fact,) = [fact for fact in found if fact.what == what]
    return fact


def test_a_sound_model() -> None:
    save("m")
    found = facts()
    assert {fact.state for fact in found} == {"ok"}
    assert {fact.what: fact.found for fact in found} == {
        "ends on": "config: </s> (9), <|end|> (11); generation config: </s> (9),"
        " <|end|> (11); tokenizer: <|end|> (11)",
        "chat template": "in tokenizer_config.json; writes <|user|>, <|end|>",
        "begins with": "<s> (8)",
        "pads with": "</s> (9)",
        "vocabulary": "config.json 16, tokenizer 13, embedding rows 16, head rows 16",
        "head": "its own, untied",
        "embedding rows": "5 special tokens, none by a factor of more than 2 unlike the"
        " median of its other rows",
        "head rows": "5 special tokens, none by a factor of more than 2 unlike the"
        " median of its other rows",
    }
    save("like")
    assert {fact.state for fact in facts(like="like")} == {"ok"}


# why -> changes, the fact, its state, what it says
ENDS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "the stop is lost": (
        {"config": {"eos_token_id": 9}, "generation_config": None},
        "ends on", "wrong",
        "config: </s> (9); tokenizer: <|end|> (11). generate does not end on <|end|>",
    ),
    "generate asks the generation config": (
        {"generation_config": {"eos_token_id": 9}},
        "ends on", "wrong", "generate does not end on <|end|>",
    ),
    "the template's end alone": (
        {
            "config": {"eos_token_id": 9}, "generation_config": None,
            "tokenizer_config": {"eos_token": "</s>"},
        },
        "ends on", "wrong", "</s> (9). generate does not end on <|end|>",
    ),
    "files that disagree": (
        {"config": {"eos_token_id": 11}},
        "ends on", "note",
        "config: <|end|> (11); generation config: </s> (9), <|end|> (11); tokenizer:"
        " <|end|> (11): its files disagree, and generate goes by the generation config",
    ),
    "no such id": (
        {"config": {"eos_token_id": [9, 99]}},
        "ends on", "wrong", "99 is no id of its vocabulary",
    ),
    "no end": (
        {
            "config": {"eos_token_id": None}, "generation_config": None,
            "tokenizer_config": {"eos_token": None},
        },
        "ends on", "wrong", "nothing: no file names a token",
    ),
    "no template": (
        {"tokenizer_config": {"chat_template": None}},
        "chat template", "note", "none",
    ),
    "a beginning that is none": (
        {"config": {"bos_token_id": 16}},
        "begins with", "wrong", "16. 16 is no id of its vocabulary",
    ),
    "nothing to pad with": (
        {"config": {"pad_token_id": None}},
        "pads with", "note", "nothing: no file names a token",
    ),
    "a pad that is none": (
        {"config": {"pad_token_id": -1}},
        "pads with", "wrong", "-1 is no id of its vocabulary",
    ),
    "two beginnings": (
        {"generation_config": {"bos_token_id": 9}},
        "begins with", "note", "</s> (9), <s> (8): its files disagree",
    ),
    "no generation config": (
        {"tokenizer_config": {"eos_token": None}, "generation_config": None},
        "ends on", "ok", "</s> (9), <|end|> (11)",
    ),
    "fewer rows than ids": (
        {"weights": {EMBEDDING: rows(12)}},
        "vocabulary", "wrong", "embedding rows 12, head rows 16: there are ids without",
    ),
    "more rows than the configuration says": (
        {"config": {"vocab_size": 14}},
        "vocabulary", "wrong", "config.json does not say how many rows there are",
    ),
    "tied": (
        {"config": {"tie_word_embeddings": True}, "weights": {HEAD: None}},
        "head", "ok", "tied: the embedding",
    ),
    "tied, by its class": (
        {"config": {"tie_word_embeddings": None}, "weights": {HEAD: None}},
        "head", "ok", "tied: the embedding",
    ),
    "no head": (
        {"weights": {HEAD: None}},
        "head", "wrong", "config.json says that it is untied, and the files hold none",
    ),
    "a head that is not used": (
        {"config": {"tie_word_embeddings": True}},
        "head", "note", "tied; its own, lm_head.weight, is in the files and not used",
    ),
    "an unknown name": (
        {"weights": {EMBEDDING: None, HEAD: None, "words": rows()}},
        "vocabulary", "note", "none of its tensors has a name that is known for",
    ),
    "rows that are no floats": (
        {"weights": {EMBEDDING: torch.ones(16, 4, dtype=torch.int8)}},
        "embedding rows", "wrong", "are I8, of which no length can be told.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", ENDS)
def test_what_a_folder_says(why: str) -> None:
    changes, what, state, told = ENDS[why]
    save("m", **changes)
    fact = one(what, facts())
    assert told in fact.found
    assert fact.state == state
    assert bool(fact.remedy) == (state == "wrong") or what == "embedding rows"


def test_what_the_other_ends_on_and_writes() -> None:
    lost = {"eos_token": None, "chat_template": None}
    save(
        "m",
        config={"eos_token_id": 9}, generation_config=None, tokenizer_config=lost,
    )  # fmt: skip
    save("like")
    assert one("ends on", facts()).state == "ok"
    ends = one("ends on", facts(like="like"))
    assert (ends.state, ends.remedy) == ("wrong", "mend")
    assert "generate does not end on <|end|>" in ends.found
    template = one("chat template", facts(like="like"))
    assert (template.state, template.found) == ("wrong", "none, and 'like' has one")
    save("other", tokenizer_config={"chat_template": f"{CHAT} "})
    template = one("chat template", facts("other", like="like"))
    assert template.found.startswith("not that of 'like'; in tokenizer_config.json")


def changed(edit: Callable[[torch.Tensor], None]) -> torch.Tensor:
    found = rows()
    edit(found)
    return found


def _weak(found: torch.Tensor) -> None:
    found[11] *= 0.3


def _long(found: torch.Tensor) -> None:
    found[11] *= 3


def _free(found: torch.Tensor) -> None:
    found[12] *= 0.3


def _zero(found: torch.Tensor) -> None:
    found[11] = 0


def _shared(found: torch.Tensor) -> None:
    found[11] = found[12] * 1.0001


def _nan(found: torch.Tensor) -> None:
    found[11, 3] = float("nan")


# why -> what is done, then state and words without another model, and with
ROWS: dict[str, tuple[Any, tuple[str, str], tuple[str, str]]] = {
    "shorter": (
        _weak,
        ("note", "unlike the median of its other rows: <|end|> 0.3, not 1"),
        ("wrong", "by a factor of more than 2 unlike 'like': <|end|> 0.3, not 1"),
    ),
    "longer": (
        _long,
        ("note", "unlike the median of its other rows: <|end|> 3, not 1"),
        ("wrong", "unlike 'like': <|end|> 3, not 1"),
    ),
    "of no chat": (
        _free,
        ("note", "of no chat, by a factor of more than 2 unlike the median of its"),
        ("note", "of no chat, by a factor of more than 2 unlike 'like': <|free|> 0.3"),
    ),
    "never trained": (
        _zero,
        ("wrong", "never trained: <|end|>, as the rows are near 0 or shared"),
        ("wrong", "unlike 'like': <|end|> 0, not 1"),
    ),
    "not a number": (
        _nan,
        ("note", "<|end|> nan, not 1"),
        ("wrong", "<|end|> nan, not 1"),
    ),
}


@pytest.mark.parametrize("what", ["embedding", "head"])
@pytest.mark.parametrize("why", ROWS)
def test_rows(why: str, what: str) -> None:
    edit, alone, beside = ROWS[why]
    name = {"embedding": EMBEDDING, "head": HEAD}[what]
    save("m", weights={name: changed(edit)})
    save("like")
    for found, (state, told) in ((facts(), alone), (facts(like="like"), beside)):
        fact = one(f"{what} rows", found)
        assert told in fact.found
        assert fact.state == state
        assert fact.remedy == ("merge" if state == "wrong" else "")
        other = {"embedding": "head", "head": "embedding"}[what]
        assert one(f"{other} rows", found).state == "ok"


def test_rows_that_tokens_share_were_never_trained() -> None:
    save("m", weights={EMBEDDING: changed(_shared)})
    found = one("embedding rows", facts())
    assert found.found.startswith("never trained: <|end|>, as")
    assert found.state == "wrong"


def test_the_factor() -> None:
    save("m", weights={EMBEDDING: changed(_weak)})
    assert one("embedding rows", facts(factor=3.0)).state == "note"
    assert one("embedding rows", facts(factor=3.5)).state == "ok"


def test_a_token_has_another_id_in_the_other() -> None:
    listed = [{"content": "<|end|>", "id": 9}, {"content": "</s>", "id": 11}]
    save(
        "like", tokenizer={"added_tokens": listed}, weights={EMBEDDING: changed(_weak)}
    )
    save("m")
    fact = one("embedding rows", facts(like="like"))
    # 11 is the end of a document there, and of a turn here
    assert "</s> 1, not 0.3" in fact.found
    assert "<|end|>" not in fact.found


def test_the_head_of_a_tied_model_is_its_embedding() -> None:
    tied = {"config": {"tie_word_embeddings": True}}
    save("like", **tied, weights={HEAD: None, EMBEDDING: changed(_weak)})
    save("m", weights={EMBEDDING: changed(_weak)})
    found = facts(like="like")
    assert one("embedding rows", found).state == "ok"
    assert "<|end|> 1, not 0.3" in one("head rows", found).found


def test_a_single_row_and_no_other() -> None:
    listed = [{"content": "<|end|>", "id": 0}]
    save("m", tokenizer={"model": {"vocab": {}}, "added_tokens": listed})
    assert "1 special tokens" in one("embedding rows", facts()).found


def test_pickled_weights_are_not_opened() -> None:
    save("m")
    Path("m/model.safetensors").unlink()
    Path("m/pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n")
    fact = one("weights", facts())
    assert (fact.state, fact.remedy) == ("note", "")


def test_a_missing_shard() -> None:
    save("m")
    index = {"weight_map": {EMBEDDING: "model-00001-of-00002.safetensors"}}
    Path("m/model.safetensors.index.json").write_text(json.dumps(index))
    fact = one("weights", facts())
    assert fact.state == "wrong"
    assert "model-00001-of-00002.safetensors is missing or no whole" in fact.found


def test_a_broken_generation_config() -> None:
    save("m")
    Path("m/generation_config.json").write_text("{")
    found = facts()
    fact = one("file", found)
    assert (fact.state, fact.remedy) == ("wrong", "fetch")
    assert "generation_config.json cannot be read" in fact.found
    assert one("ends on", found).state == "ok"


FOLDERS: dict[str, tuple[Callable[[], object], str, str]] = {
    "not there": (lambda: None, "m", "'m' is no folder here"),
    "a file": (lambda: Path("m").touch(), "m", "'m' is a file; give the folder"),
    "of the hub": (lambda: None, "org/m", "hf download org/m --local-dir m"),
    "beside a folder": (lambda: Path("a").mkdir(), "a/m", "local folders are what is"),
    "empty": (lambda: Path("m").mkdir(), "m", "m/config.json is missing"),
    "broken": (
        lambda: (save("m"), Path("m/config.json").write_text("[")),
        "m", "m/config.json cannot be read",
    ),
    "no object": (
        lambda: (save("m"), Path("m/config.json").write_text("[]")),
        "m", "m/config.json does not hold a JSON object",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", FOLDERS)
def test_folders_that_are_none(why: str) -> None:
    prepare, name, message = FOLDERS[why]
    prepare()
    with pytest.raises(InputError) as caught:
        read_model(name)
    assert message in str(caught.value)


@pytest.mark.slow
def test_of_a_large_model_a_few_rows_are_read(root: Path) -> None:
    """Two tensors of 4 GB, of which the file system stores nothing."""
    save("m")
    shape, size = [2**19, 2**12], 2**32
    named = {
        name: {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        for name, at in ((EMBEDDING, 0), (HEAD, size))
    }
    header = json.dumps(named).encode()
    with Path("m/model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 2 * size)
    code = (
        "import resource, torch\n"
        "from mergekit_ext.inputs.model_checkup import check_model, read_model\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "facts = check_model(read_model('m'))\n"
        "assert any('never trained' in fact.found for fact in facts)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(root)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300_000, "kilobytes"
