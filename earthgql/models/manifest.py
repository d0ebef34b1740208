"""``manifest.json`` of a bundle; names of fields follow STAC's MLM extension."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from earthgql.errors import BadInputError, ModelUnavailableError
from earthgql.models.calibration import Calibration
from earthgql.models.preprocess import InputSpec, Scale
from earthgql.models.protocol import TILE_SIZE

MANIFEST_FILE = "manifest.json"
WEIGHTS_FILE = "model.weights.h5"
ARCHITECTURE_FILE = "architecture.json"

Architecture = Literal["ResNet50", "Keras"]
Channel = tuple[float, float, float]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+ -]{0,99}$")]
Label = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]
Threshold = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ValueScaling(_Strict):
    """How 8-bit values are scaled to inputs; see ``InputSpec``."""

    type: Scale
    mean: Channel | None = None
    stddev: Channel | None = None


class ModelInput(_Strict):
    """Input of the network: ``float32 [batch, height, width, channel]``."""

    shape: tuple[Literal[-1], int, int, Literal[3]]
    dim_order: tuple[Literal["batch"], Literal["height"], Literal["width"], Literal["channel"]] = (
        "batch",
        "height",
        "width",
        "channel",
    )
    data_type: Literal["float32"] = "float32"
    channel_order: Literal["RGB", "BGR"] = "RGB"
    resize_type: Literal["interpolation-area", "interpolation-linear"] | None = None
    value_scaling: ValueScaling

    @classmethod
    def of(cls, spec: InputSpec) -> "ModelInput":
        """Make the description of an ``InputSpec``."""
        return cls(
            shape=(-1, spec.size, spec.size, 3),
            channel_order=spec.channel_order,
            resize_type=_resize_type(spec.size),
            value_scaling=ValueScaling(type=spec.scale, mean=spec.mean, stddev=spec.std),
        )

    @property
    def spec(self) -> InputSpec:
        """The input as ``preprocess`` takes it."""
        scaling = self.value_scaling
        return InputSpec(self.shape[1], scaling.type, scaling.mean, scaling.stddev)

    @model_validator(mode="after")
    def _agrees(self) -> "ModelInput":
        if self.shape[1] != self.shape[2]:
            raise ValueError(f"shape {list(self.shape)} is not square")
        try:
            spec = self.spec
        except BadInputError as error:
            raise ValueError(str(error)) from None
        if self.channel_order != spec.channel_order:
            raise ValueError(
                f"channel_order is {self.channel_order}, but {spec.scale} means"
                f" {spec.channel_order}"
            )
        if self.resize_type != _resize_type(spec.size):
            raise ValueError(
                f"resize_type is {self.resize_type}, but 256 x 256 tiles get to {spec.size} x"
                f" {spec.size} by {_resize_type(spec.size)}"
            )
        return self


class ModelOutput(_Strict):
    """Output of the network: one sigmoid per label."""

    shape: tuple[Literal[-1], Annotated[int, Field(ge=1, le=10_000)]]
    dim_order: tuple[Literal["batch"], Literal["class"]] = ("batch", "class")
    data_type: Literal["float32"] = "float32"
    activation: Literal["sigmoid"] = "sigmoid"


class Weights(_Strict):
    """The file of weights, in the layout of Keras 3's ``save_weights``."""

    file: Literal["model.weights.h5"] = "model.weights.h5"
    dtype: Literal["float16", "float32"] = Field(
        description="of the kernels on disk; vectors (biases, normalisation) are float32"
    )


class Domain(_Strict):
    """Statistics of what the network was trained on, from which distances from it are computed.

    A distance above 1 says that a picture is unlike the training material.
    """

    file: Literal["domain.h5"] = "domain.h5"
    features: Literal["pooled"] = Field(
        "pooled", description="what the network's last layer is given"
    )
    components: int = Field(ge=1, description="principal components with a variance of their own")
    pictures: int = Field(ge=1, description="of the training split, to which they were fitted")
    limit_pictures: int = Field(ge=1, description="of the validation split, which set the limit")
    false_alarm_rate: float = Field(
        gt=0, lt=1, description="share of the validation split with a distance above 1"
    )
    test_pictures: int | None = Field(None, ge=1, description="of the test split")
    test_false_alarm_rate: float | None = Field(
        None, ge=0, le=1, description="share of the test split with a distance above 1"
    )

    @property
    def summary(self) -> str:
        """What a distance is from, and how often it is above 1 without reason."""
        tested = (
            ""
            if self.test_false_alarm_rate is None
            else f" and {self.test_false_alarm_rate:.1%} of {self.test_pictures:,} test"
        )
        return (
            f"distances are from {self.pictures:,} training pictures; above 1 are at most"
            f" {self.false_alarm_rate:.1%} of {self.limit_pictures:,} validation{tested} pictures"
        )


class Manifest(_Strict):
    """Describes a model: all but its weights."""

    format: Literal["earthgql-bundle/1"] = "earthgql-bundle/1"
    name: Name
    version: Name
    architecture: Architecture = Field(
        description="ResNet50: the built-in one; Keras: described by architecture.json"
    )
    tasks: tuple[Literal["scene-classification"], Literal["multi-label-classification"]] = (
        "scene-classification",
        "multi-label-classification",
    )
    labels: tuple[Label, ...] = Field(min_length=1)
    thresholds: tuple[Threshold, ...]
    input: ModelInput
    output: ModelOutput
    calibration: Calibration | None = None
    weights: Weights
    domain: Domain | None = None
    checksums: dict[str, Sha256] = Field(description="SHA-256 of each file but this and the card")
    created_at: str | None = None
    created_by: str | None = Field(None, description="the command that made the bundle")
    training: dict[str, Any] | None = Field(None, description="summary of how it was trained")

    @model_validator(mode="after")
    def _agrees(self) -> "Manifest":
        count = len(self.labels)
        if len(set(self.labels)) != count:
            twice = sorted({name for name in self.labels if self.labels.count(name) > 1})
            raise ValueError(f"labels appear twice: {', '.join(twice)}")
        found = {"thresholds": len(self.thresholds), "output.shape": self.output.shape[1]}
        if self.calibration is not None:
            found["calibration"] = self.calibration.labels
        for what, size in found.items():
            if size != count:
                raise ValueError(f"{what} is for {size} labels, labels has {count}")
        needed = set(self.files)
        if set(self.checksums) != needed:
            raise ValueError(
                f"checksums are of {sorted(self.checksums)}, expected {sorted(needed)}"
            )
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that ``checksums`` covers."""
        described = (ARCHITECTURE_FILE,) if self.architecture == "Keras" else ()
        domain = () if self.domain is None else (self.domain.file,)
        return (self.weights.file, *described, *domain)


def _resize_type(size: int) -> Literal["interpolation-area", "interpolation-linear"] | None:
    if size == TILE_SIZE:
        return None
    return "interpolation-area" if size < TILE_SIZE else "interpolation-linear"


def parse_manifest(text: str | bytes, source: Path) -> Manifest:
    """Parse a manifest; unknown fields are errors.

    Args:
        text: JSON.
        source: the file, named in errors.

    Raises:
        ModelUnavailableError: naming the file and each wrong field.
    """
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, e['loc']))} {e['msg'].removeprefix('Value error, ')}".strip()
            for e in error.errors()
        ]
        raise ModelUnavailableError(f"{source}: {'; '.join(problems)}") from None
