"""The section `training` of the recipe."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from finetooth.recipe.fields import Section, Word

MOST_WARMUP, MOST_BETWEEN_EVALUATIONS = 0.3, 200  # with epochs: auto


class Training(Section):
    """How candidates are trained."""

    epochs: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto",
        description="Passes over the training examples; auto: train until validation stops improving or the training "
        "examples are fitted, then half as many passes again with a falling learning rate.",
    )
    batch_size: int = Field(16, ge=1, description="Examples in one optimizer step, always exactly this many.")
    learning_rate: float = Field(7e-4, gt=0, description="Peak learning rate of the adapter and biases.")
    head_learning_rate: float = Field(3e-3, gt=0, description="Peak learning rate of the head.")
    full_learning_rate: float = Field(
        2e-5,
        gt=0,
        description="Peak learning rate of full fine-tuning, head included (Devlin et al. 2019: 2e-5 to 5e-5).",
    )
    weight_decay: float = Field(0.01, ge=0, description="AdamW weight decay of matrices (not of biases).")
    schedule: Literal["linear", "cosine", "constant"] = Field(
        "linear",
        description="How the learning rate changes after warm-up; with epochs: auto, after validation has stopped "
        "improving.",
    )
    warmup_fraction: float = Field(
        0.06,
        ge=0,
        lt=1,
        description="Share of the steps, 0 to 1, in which the learning rate rises from zero; with epochs: auto, of a "
        "typical number of steps.",
    )
    max_grad_norm: float | None = Field(
        1.0, gt=0, description="Largest norm of the gradient; a larger one is scaled down to it. null: no limit."
    )
    evaluate_every: Annotated[int, Field(ge=1)] | Literal["epoch"] = Field(
        "epoch",
        description="Validate after each epoch, or after this many steps; with epochs: auto, epoch means as many "
        "epochs as have 50 steps.",
    )
    monitor: Literal["loss", "accuracy", "macro_f1"] = Field(
        "loss",
        description="Validation figure that chooses the winner and the best step (in a tie, the earliest); with "
        "epochs: auto it decides when to end, and the last step is kept.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after this many evaluations without a better one; null: never. With epochs: auto, the "
        "learning rate falls then; null: after 150 steps without a better evaluation.",
    )
    base_dropout: Annotated[float, Field(ge=0, lt=1)] | Literal["model"] = Field(
        0.0, description="Dropout in the base and head: a number, or 'model' for the model's own."
    )
    class_weights: Literal["balanced"] | dict[Word, Annotated[float, Field(gt=0)]] | None = Field(
        None, description="Weight of each class in the loss: 'balanced' (inverse frequency), or {label: weight}."
    )
    device: Literal["cpu", "cuda"] = Field(
        "cpu",
        description="Where candidates are trained; cuda: on an NVIDIA GPU, without padding (not yet tried on one). "
        "Evaluation always runs on the CPU.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format of matrix products in training without padding; auto: bfloat16 on a GPU, and on a "
        "CPU that is measured to be faster with it. Trained parameters are float32; evaluation may use bfloat16 if it "
        "passes a check.",
    )
    token_budget: Annotated[int, Field(ge=16)] | Literal["auto"] = Field(
        "auto",
        description="Most tokens computed at a time in training; auto: 2048, on a GPU 32768, or fewer if memory is "
        "short.",
    )
    cache_bytes: int = Field(
        8_000_000_000,
        ge=0,
        description="Most bytes on disk for cached outputs of frozen layers: those below the first adapted layer "
        "(layers: last-K) and those frozen after an epoch (then: last-K). At most half of the free space is used; "
        "0: nothing is cached.",
    )
    checkpoint_every: int = Field(
        50, ge=1, description="Optimizer steps between checkpoints; a crash loses at most this many."
    )

    @model_validator(mode="after")
    def _one_format_on_a_gpu(self) -> "Training":
        if self.device == "cuda" and self.precision == "float32":
            raise ValueError(
                "with device: cuda, matrix products are in bfloat16. Remove precision, or set device: cpu."
            )
        return self

    @model_validator(mode="after")
    def _what_decides_when_to_end(self) -> "Training":
        if self.epochs != "auto":
            return self
        if self.schedule == "constant":
            raise ValueError(
                "epochs: auto ends with a falling learning rate, so schedule cannot be constant. Set schedule: linear "
                "or cosine, or a number of epochs."
            )
        if self.warmup_fraction > MOST_WARMUP:
            raise ValueError(
                f"with epochs: auto, warmup_fraction is at most {MOST_WARMUP}, not {self.warmup_fraction}, because the "
                "learning rate may have to fall after that. Lower it, or set a number of epochs."
            )
        if self.evaluate_every != "epoch" and self.evaluate_every > MOST_BETWEEN_EVALUATIONS:
            raise ValueError(
                f"with epochs: auto, evaluate_every is at most {MOST_BETWEEN_EVALUATIONS}, not {self.evaluate_every}, "
                "because evaluations decide when to end. Lower it, or set a number of epochs."
            )
        return self
