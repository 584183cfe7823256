"""Personal data taken out of the text, a placeholder put in its place.

What the stage `personal_data` counts is replaced, by the same detector. What stands in its place is typed
(`<EMAIL>`), so that a model can learn that something stood there and what; or as FineWeb has it
(Penedo et al. 2024, arXiv:2406.17557: e-mail addresses reserved for examples, IP addresses that answered
no ping when they were drawn, one after the other in each text) or Dolma (Soldaini et al. 2024,
arXiv:2402.00159: `|||EMAIL_ADDRESS|||`).

A number that is none because of what stands beside it may become one when its neighbour goes; so the
text is searched again until nothing is found (ROUNDS times at most), and masking it twice changes
nothing. `mask_…` counts what was taken out; an empty text stays as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pipeline.batch import Batch
from pipeline.stage import Measure, Options, Stage, column
from text.personal.find import KINDS_FOUND, Hits, find_personal
from text.personal.ip import PLACEHOLDERS
from text.splice import splice
from text.strings import Strings

ROUNDS = 8

Kind = Literal["email", "phone", "ip", "card", "iban", "national_id", "api_key", "private_key"]
Form = Literal["typed", "fineweb", "dolma"]
KINDS: tuple[Kind, ...] = get_args(Kind)

TYPED = {kind: f"<{kind.upper()}>" for kind in KINDS_FOUND}
FORMS: dict[Form, Mapping[str, Sequence[str]]] = {
    "typed": {},
    "fineweb": {"email": ("email@example.com", "firstname.lastname@example.org"), "ip": PLACEHOLDERS},
    "dolma": {
        "email": ("|||EMAIL_ADDRESS|||",),
        "phone": ("|||PHONE_NUMBER|||",),
        "ip": ("|||IP_ADDRESS|||",),
    },
}

COLUMNS = [
    *(column(f"mask_{kind}", pa.int32(), "hits", f"taken out of the text: {kind}") for kind in KINDS_FOUND),
    column("text", pa.string(), about="with placeholders in the place of personal data"),
]


class MaskOptions(Options):
    """Options of the stage `mask`."""

    kinds: tuple[Kind, ...] = Field(
        default=KINDS,
        description=f"what is masked: any of {', '.join(KINDS_FOUND)}",
        min_length=1,
    )
    form: Form = Field(
        default="typed",
        description="what stands in its place: <EMAIL> and the like (typed), the e-mail and IP addresses "
        "that FineWeb puts there (fineweb), |||EMAIL_ADDRESS||| and the like (dolma); kinds for which a "
        "paper has none are typed",
    )
    placeholders: dict[Kind, str] = Field(
        default_factory=dict, description="other placeholders, by kind, in the place of the form's"
    )

    @model_validator(mode="after")
    def _nothing_to_mask_again(self) -> "MaskOptions":
        given = list(self.placeholders.items())
        if not given:
            return self  # a plan need not wait for kernels to be compiled
        hits = find_personal(Strings.of(pa.array([text for _, text in given], pa.large_string())))
        for at, (kind, text) in enumerate(given):
            if hits.offsets[at + 1] > hits.offsets[at]:
                found = KINDS_FOUND[hits.kinds[hits.offsets[at]]]
                raise ValueError(
                    f"placeholders: {kind}: {text!r} reads as personal data itself ({found}); "
                    "take one that does not, for example <" + kind.upper() + ">"
                )
        return self


def _replacements(options: MaskOptions) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """All placeholders, and for each kind the first of its own and how many it has, [8] each."""
    texts: list[str] = []
    first, count = np.zeros(8, np.int64), np.zeros(8, np.int64)
    for kind, name in enumerate(KINDS_FOUND):
        given: dict[str, Sequence[str]] = dict(FORMS[options.form])
        given |= {key: (text,) for key, text in options.placeholders.items()}
        own = given.get(name, (TYPED[name],))
        first[kind], count[kind] = len(texts), len(own)
        texts += own
    return texts, first, count


def _in_turn(hits: Hits) -> NDArray[np.int64]:
    """How many hits of its kind come before each in its text, [m]."""
    turns = np.zeros(len(hits.kinds), np.int64)
    text = np.repeat(np.arange(len(hits.offsets) - 1), np.diff(hits.offsets))
    for kind in np.unique(hits.kinds):
        mine = np.flatnonzero(hits.kinds == kind)
        _, begin, sizes = np.unique(text[mine], return_index=True, return_counts=True)
        turns[mine] = np.arange(len(mine)) - np.repeat(begin, sizes)
    return turns


def _open(options: MaskOptions) -> Measure:
    texts, first, count = _replacements(options)
    chosen = np.isin(KINDS_FOUND, options.kinds)

    def masked(strings: Strings, counts: NDArray[np.int32]) -> pa.Array | None:
        """The texts with placeholders, None where nothing was found; adds to `counts` [n, 8]."""
        hits = find_personal(strings).of(chosen)
        if not len(hits.kinds):
            return None
        for kind in range(8):
            counts[:, kind] += hits.counts(kind)
        numbers = first[hits.kinds] + _in_turn(hits) % count[hits.kinds]
        return splice(strings, hits.offsets, hits.starts, hits.ends, numbers.astype(np.uint8), texts)

    def measure(batch: Batch) -> list[pa.Array]:
        counts = np.zeros((len(batch), 8), np.int32)
        result = masked(batch.strings, counts)
        if result is None:
            result = batch.column("text").cast(pa.string()).fill_null("")
        changed = np.flatnonzero(counts.sum(1))
        for _ in range(ROUNDS - 1):
            if not len(changed):
                break
            more = np.zeros((len(changed), 8), np.int32)
            again = masked(Strings.of(result.take(changed)), more)
            if again is None:
                break
            counts[changed] += more
            place = np.arange(len(batch))
            place[changed] = len(batch) + np.arange(len(changed))
            result = pa.concat_arrays([result, again]).take(place)
            changed = changed[more.sum(1) > 0]
        return [*(pa.array(counts[:, kind]) for kind in range(8)), result]

    return measure


STAGE = Stage(
    "mask",
    reads=("text",),
    adds=pa.schema(COLUMNS),
    replaces=("text",),
    open=_open,
    options=MaskOptions,
    about="puts placeholders in the place of e-mail addresses, phone numbers, ids, keys and the like",
    paper="Penedo et al. 2024, FineWeb, arXiv:2406.17557; Soldaini et al. 2024, Dolma, arXiv:2402.00159",
)
