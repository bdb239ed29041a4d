"""What a matrix file may say. Every field's docstring is its documentation."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from zsg_registry import InvalidReference, parse_pipeline

NonEmpty = Field(min_length=1)
_LONGEST_NAME: Final = 200


class _Table(BaseModel):
    # Strict: TOML has types, so that `learning_rate = "1e-4"` is a mistake and not a number.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class ModelEntry(_Table):
    """A base model."""

    use: str
    """A bundled name (`zsg-tiny`), a folder, or a hub id."""
    revision: str | None = None
    """The hub revision: a commit, a tag or a branch."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """The type the weights are loaded and trained in."""
    attention: Literal["sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"] | None = None
    """The implementation of attention; by default what transformers takes."""
    trust_remote_code: bool = False
    """Whether to run the code that a model's author published with it. Only for authors you trust."""
    label: str | None = None
    """The name in reports; by default what `use` says."""


class TokenBudget(_Table):
    """A budget counted in tokens."""

    tokens: Annotated[int, Field(ge=1)]
    """Tokens of the training examples under the base model's template, without padding."""


Budget = Literal["all"] | Annotated[int, Field(ge=1)] | TokenBudget
Entry = str | dict[str, Any]


class MatrixTable(_Table):
    """`[matrix]`: the axes. Every combination is a cell."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w./-]*$")] = "matrix"
    """The matrix's name: of letters, digits, `_`, `-`, `.` and `/`."""
    summary: str = ""
    """What it compares, in a sentence."""
    cost: str = ""
    """What a run takes, as measured or estimated by whoever wrote it."""
    models: Annotated[list[str | ModelEntry], NonEmpty] = ["zsg-tiny"]
    """Base models."""
    datasets: Annotated[list[Entry], NonEmpty] = ["procedural"]
    """Data sets: `"name[param=value]"`, or `{use = "name", param = value, grid = {…}, label = "…"}`."""
    embedders: list[Entry] = []
    """Embedders. An arrangement that needs none is not multiplied by this axis."""
    arrangements: Annotated[list[Entry], NonEmpty] = ["*"]
    """Arrangements, with transforms behind a pipe or in `then = […]`."""
    controls: list[str] = []
    """Transforms: for every arrangement X, `X | control` joins the matrix."""
    budgets: Annotated[list[Budget], NonEmpty] = ["all"]
    """How much to train on: a number of examples, `"all"`, or `{tokens = n}`."""
    metrics: Annotated[list[Entry], NonEmpty] = ["loss"]
    """Metrics."""
    seeds: Annotated[list[int | SeedTable], NonEmpty] = [0]
    """A number for every stream, or a table that sets them apart."""

    @field_validator("name")
    @classmethod
    def _inside_the_store(cls, name: str) -> str:
        if ".." in name.split("/"):
            raise ValueError("a name must not contain '..'")
        if len(name.encode()) > _LONGEST_NAME:
            raise ValueError(f"a name must not be longer than {_LONGEST_NAME} bytes: files are called by it")
        return name


class SeedTable(_Table):
    """Seeds by stream."""

    data: int
    order: int
    train: int


class DataTable(_Table):
    """`[data]`: how the examples are cut into pool, probe, eval and query."""

    per_seen_task: Annotated[int, Field(ge=1)] | None = None
    """At most so many examples of a seen task in the pool, drawn with the data seed; by default all."""
    per_unseen_task: Annotated[int, Field(ge=1)] = 10
    """At most so many evaluation examples of an unseen task (and, without `oracle`, at most half of the task)."""
    query_per_task: Annotated[int, Field(ge=1)] = 10
    """At most so many query examples of an unseen task, drawn from what the evaluation left."""
    probe_per_task: Annotated[int, Field(ge=0)] = 0
    """So many examples of each seen task are held out of the pool, to be scored (`seen-loss`) or shown to online
    arrangements."""
    eval_seed: int = 0
    """Draws the evaluation examples. It never varies with the cell's seed, so that tasks pair."""
    oracle: bool = False
    """Query = evaluation examples: the paper's setting, in which the arrangement sees what is scored."""
    decontaminate: Literal["report", "drop"] = "report"
    """What to do about pool examples that the evaluation has too, exactly or nearly: tell of them, or train on none."""


class LoraTable(_Table):
    """`lora = {…}` in `[training]`: low-rank adapters are trained, and the base model stays as it is."""

    rank: Annotated[int, Field(ge=1)] = 8
    """Rank of the update of each matrix."""
    alpha: Annotated[int, Field(ge=1)] = 16
    """The update is scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout before the update."""
    targets: Literal["all-linear"] | list[str] = "all-linear"
    """Names of the layers that get an adapter; by default all linear ones but the head."""


class TrainingTable(_Table):
    """`[training]`: how a model is fine-tuned. The defaults are the paper's, but for the rate of a small model."""

    learning_rate: Annotated[float, Field(gt=0)] = 3e-4
    """The peak learning rate."""
    schedule: Literal["constant", "cosine"] = "constant"
    """`cosine` decays to `final_rate` of the peak over the run."""
    final_rate: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Where `cosine` ends, as a share of the peak."""
    warmup: Annotated[int, Field(ge=0)] = 0
    """Steps of linear warm-up."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled weight decay (AdamW)."""
    betas: tuple[float, float] = (0.9, 0.95)
    """AdamW's betas."""
    epsilon: Annotated[float, Field(gt=0)] = 1e-5
    """AdamW's epsilon."""
    optimizer: Literal["adamw", "adamw-8bit", "paged-adamw-8bit"] = "adamw"
    """`adamw-8bit` and `paged-adamw-8bit` keep AdamW's state in 8 bits (bitsandbytes, the extra `bits`; GPUs only)."""
    lora: LoraTable | None = None
    """Train low-rank adapters instead of all weights (peft, the extra `peft`)."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """The largest norm of the gradient."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Examples per optimizer step."""
    epochs: Annotated[int, Field(ge=1)] = 1
    """Passes over the order."""
    max_length: Annotated[int, Field(ge=8)] = 1024
    """Tokens per example; the prompt is cut on the left, the answer kept."""
    template: Annotated[str, NonEmpty] = "paper"
    """How an example becomes text: `paper` is `<bos>User: {prompt}\\nAssistant: {completion}<eos>`; `tokenizer` is the
    chat template of the model's tokenizer; anything else is the path of a Jinja chat template."""
    loss_on: Literal["all", "last"] = "all"
    """Which of a dialogue's answers carry the loss."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """The arithmetic of the forward pass; `bfloat16` is autocast."""
    dropout: bool = False
    """Whether the model's dropout layers are active."""

    @field_validator("betas", mode="before")
    @classmethod
    def _list_is_a_pair(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class EvaluationTable(_Table):
    """`[evaluation]`: when and how a model is scored."""

    steps: Literal["log"] | list[int] = "log"
    """`"log"` is 0, 1, 2, 5, 10, 20, 50 … and the last step; or a list of steps (the first and the last are added)."""
    every: Annotated[int, Field(ge=1)] | None = None
    """Instead of `steps`: 0, every, 2·every … and the last step."""
    generate_at: list[Literal["last", "all"] | int] = ["last"]
    """The steps at which answers are generated and scored, and at which metrics with benchmarks of their own run."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 32
    """How long a generated answer may get. Decoding is greedy."""


class RunTable(_Table):
    """`[run]`: how, never what. Nothing here changes a cell's identity."""

    executor: Literal["local", "ray"] = "local"
    """Where cells run: in processes of this machine, or as tasks of a Ray cluster (the extra `ray`)."""
    ray_address: str | None = None
    """The cluster, `HOST:PORT`; by default the one of this machine, or else a Ray of its own."""
    devices: Annotated[str, Field(pattern=r"^(auto|cpu|\d+( *, *\d+)*)$")] = "auto"
    """`"auto"` is every GPU, or the CPU where there is none; or `"cpu"`; or some GPUs by number: `"0,2"`."""
    per_device: Annotated[int, Field(ge=1)] = 1
    """Cells that run side by side on each device, each in a process of its own."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """Cells that run side by side in all; by default `per_device` on each device."""
    processes_per_cell: Annotated[int, Field(ge=1)] = 1
    """Processes that train one cell together, each with a device of its own where there are several."""
    cell_timeout_minutes: Annotated[float, Field(ge=0)] = 0.0
    """A cell that takes longer is ended, and failed; 0 is no limit."""
    retries: Annotated[int, Field(ge=0)] = 0
    """How often a cell that fails is tried again at once."""
    shard: bool = False
    """Whether the processes of a cell share out the weights (FSDP), for models that do not fit one device."""
    micro_batch_tokens: Annotated[int, Field(ge=64)] = 4096
    """Tokens, padding included, that go through the model at once in training."""
    micro_batch_examples: Annotated[int, Field(ge=1)] | None = None
    """The same in examples; by default only tokens count."""
    eval_batch_tokens: Annotated[int, Field(ge=64)] = 4096
    """Tokens, padding included, that go through the model at once in evaluation."""
    compile: bool = False
    """Whether to compile the model (torch.compile): minutes at first, then faster."""
    gradient_checkpointing: bool = False
    """Whether to compute activations twice instead of keeping them: slower, in less memory."""
    checkpoint_minutes: Annotated[float, Field(ge=0)] = 10.0
    """A cell saves its state so often, and a killed one goes on from there; 0 is never."""
    checkpoint_steps: Annotated[int, Field(ge=0)] = 0
    """The same in optimizer steps; 0 is never."""
    save_model: bool = False
    """Whether to keep each cell's trained model, or its adapter."""
    track: list[str] = []
    """Trackers to report to, by accelerate's names: `tensorboard`, `wandb`, `mlflow` …"""


class Override(_Table):
    """`[[override]]`: other settings where the labels match."""

    when: Annotated[dict[Literal["model", "dataset", "arrangement", "embedder"], str], NonEmpty]
    """Axis to glob pattern; all must match a cell's labels."""
    training: dict[str, Any] = {}
    """Fields of `[training]` to replace."""


class Couple(BaseModel):
    """`[[couple]]`: values of axes that go together. A cell that has one of them and not the others is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str | None = None
    dataset: str | None = None
    embedder: str | None = None
    arrangement: str | None = None


class Expectation(_Table):
    """`[[expect]]`: what somebody found, to be set beside what is found here. No cell depends on it."""

    lower: str
    """The arrangement that had the lower loss."""
    than: str
    """The one that had the higher loss."""
    figure: Literal["aulc", "aulc_linear", "aulc_tokens", "loss_final", "loss_best"] = "loss_final"
    """The figure of the leaderboard that is compared."""
    step: Annotated[int, Field(ge=0)] | None = None
    """Instead of a figure: the loss at the last evaluation up to this step."""
    source: str = ""
    """Who found it, and where it is written."""

    @field_validator("lower", "than")
    @classmethod
    def _as_labels_are_written(cls, name: str) -> str:
        try:
            return str(parse_pipeline(name))
        except InvalidReference:
            return name  # a label of the matrix's own


class Matrix(_Table):
    """A whole matrix file."""

    matrix: MatrixTable = MatrixTable()
    data: DataTable = DataTable()
    training: TrainingTable = TrainingTable()
    evaluation: EvaluationTable = EvaluationTable()
    run: RunTable = RunTable()
    override: list[Override] = []
    couple: list[Couple] = []
    expect: list[Expectation] = []
    hooks: dict[str, dict[str, Any]] = {}


MatrixTable.model_rebuild()
