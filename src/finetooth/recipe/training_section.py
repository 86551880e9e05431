"""How candidates are trained: the recipe's section of that name."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from finetooth.recipe.fields import Section, Word

MOST_WARMUP, MOST_BETWEEN_EVALUATIONS = 0.3, 200  # with epochs: auto


class Training(Section):
    """How candidates are tuned."""

    epochs: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto",
        description="Passes over the training rows; auto: until validation stops improving or the training "
        "rows are fitted, and half as many more with a falling rate.",
    )
    batch_size: int = Field(16, ge=1, description="Examples of one optimizer step, kept exactly.")
    learning_rate: float = Field(7e-4, gt=0, description="Peak learning rate of adapter and biases.")
    head_learning_rate: float = Field(3e-3, gt=0, description="Peak learning rate of the head.")
    full_learning_rate: float = Field(
        2e-5,
        gt=0,
        description="Peak learning rate of the baseline full, its head too (Devlin et al. 2019: 2e-5 to 5e-5).",
    )
    weight_decay: float = Field(0.01, ge=0, description="AdamW weight decay of matrices (not of biases).")
    schedule: Literal["linear", "cosine", "constant"] = Field(
        "linear",
        description="Course of the learning rate after warm-up; with epochs: auto, once validation has stopped "
        "improving.",
    )
    warmup_fraction: float = Field(
        0.06,
        ge=0,
        lt=1,
        description="Share of the steps, 0 to 1, over which the rate rises from zero; with epochs: auto, of those that "
        "a training typically takes.",
    )
    max_grad_norm: float | None = Field(1.0, gt=0, description="Gradients are scaled down to this norm; null: never.")
    evaluate_every: Annotated[int, Field(ge=1)] | Literal["epoch"] = Field(
        "epoch",
        description="Validate each epoch, or each so many steps; with epochs: auto, epoch is as many epochs as make "
        "50 steps.",
    )
    monitor: Literal["loss", "accuracy", "macro_f1"] = Field(
        "loss",
        description="Validation figure that picks the winner, and the best step, of which ties keep the earliest; with "
        "epochs: auto it tells when to end, and the last step is kept.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after so many evaluations without a better one; null: never. With epochs: auto, the rate "
        "falls then; null: after 150 steps without a better one.",
    )
    base_dropout: Annotated[float, Field(ge=0, lt=1)] | Literal["model"] = Field(
        0.0, description="Dropout inside the base and head: a number, or 'model' for the model's own."
    )
    class_weights: Literal["balanced"] | dict[Word, Annotated[float, Field(gt=0)]] | None = Field(
        None, description="Weight of each class in the loss: 'balanced' (inverse frequency), or {label: weight}."
    )
    device: Literal["cpu", "cuda"] = Field(
        "cpu",
        description="Where candidates are tuned; cuda: on an NVIDIA GPU, without padding (not yet tried on one). Every "
        "evaluation is on the CPU.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format of the products in tuning without padding; auto: bfloat16 on a GPU, and where they "
        "are measured to be faster in it. What is trained is float32; what is evaluated may be bfloat16 behind a gate.",
    )
    token_budget: Annotated[int, Field(ge=16)] | Literal["auto"] = Field(
        "auto",
        description="Most tokens computed at a time in training; auto: 2048, on a GPU 32768, or fewer where memory is "
        "short.",
    )
    cache_bytes: int = Field(
        8_000_000_000,
        ge=0,
        description="Most disk space for hidden states of layers below the first adapted one (layers: last-K) and of "
        "layers that are frozen after an epoch (then: last-K), in bytes, and at most half of what is free; 0: none "
        "are kept.",
    )
    checkpoint_every: int = Field(
        50, ge=1, description="Optimizer steps between checkpoints: the most work a crash costs."
    )

    @model_validator(mode="after")
    def _one_format_on_a_gpu(self) -> "Training":
        if self.device == "cuda" and self.precision == "float32":
            raise ValueError("on device: cuda the products are in bfloat16; leave precision out, or set device: cpu.")
        return self

    @model_validator(mode="after")
    def _what_decides_when_to_end(self) -> "Training":
        if self.epochs != "auto":
            return self
        if self.schedule == "constant":
            raise ValueError(
                "epochs: auto ends with a falling rate, which schedule: constant rules out; set schedule: linear or "
                "cosine, or a number of epochs."
            )
        if self.warmup_fraction > MOST_WARMUP:
            raise ValueError(
                f"with epochs: auto, warmup_fraction is at most {MOST_WARMUP}: the rate may have to fall by then; "
                "lower it, or set a number of epochs."
            )
        if self.evaluate_every != "epoch" and self.evaluate_every > MOST_BETWEEN_EVALUATIONS:
            raise ValueError(
                f"with epochs: auto, evaluate_every is at most {MOST_BETWEEN_EVALUATIONS}: evaluations decide when to "
                "end; lower it, or set a number of epochs."
            )
        return self
