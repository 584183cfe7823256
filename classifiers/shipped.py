"""The models that come with winnow, named `winnow:NAME` where another model's folder is named."""

from pathlib import Path

from classifiers.model import FILE
from pipeline.errors import PlanError
from pipeline.faults import choose

PREFIX = "winnow:"
MODELS = Path(__file__).parent / "models"


def names() -> list[str]:
    """Of all of them."""
    return sorted(file.parent.name for file in MODELS.glob(f"*/{FILE}"))


def folder_of(model: str) -> Path:
    """The folder of a model, which a recipe names by its path or by `winnow:NAME`.

    PlanError where winnow has no model of that name. Whether a path is a model's, `load_model` says.
    """
    name = model.removeprefix(PREFIX)
    if name == model:
        return Path(model)
    there = names()
    if name not in there:
        raise PlanError(f"model {model!r}: no model of that name comes with winnow; {choose(name, there)}")
    return MODELS / name
