"""The ways in which a run can end early, each with a message for the person who started it.

Every message names the object, the value that was found, what was expected and the remedy.
Any other exception that leaves winnow is a fault of winnow's own and is shown with its traceback.
"""


class PlanError(Exception):
    """The configuration cannot be run. Raised before anything is read or written.

    `file` and `line` (1-based) say where in the YAML the fault stands, when it stands there.
    """

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line

    def __str__(self) -> str:
        if self.file is None:
            return self.message
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.message}"

    def __reduce__(self) -> tuple[type["PlanError"], tuple[str, str | None, int | None]]:
        return type(self), (self.message, self.file, self.line)


class ContractError(Exception):
    """A step returned something other than what it declares: winnow's fault or a plug-in's."""


class SourceError(Exception):
    """An input cannot be opened at all: missing, forbidden, or the network is down."""


class MovedError(LookupError):
    """A document's record is not where it was read from: its input has been moved or changed since."""


class StoreError(Exception):
    """The output cannot be read or written: full disk, no permission, held by another run."""


class EngineError(Exception):
    """Work could not be done where it was sent: Ray is gone, a worker is killed again and again."""


class TripwireError(Exception):
    """A pass or a rule removed nothing, or nearly all: the mixture waits until that is mended or accepted."""


WINNOW_ERRORS = (PlanError, ContractError, SourceError, StoreError, EngineError, TripwireError)
