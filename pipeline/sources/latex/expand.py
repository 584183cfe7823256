r"""Reads a document as TeX would: follows its files, keeps its definitions, expands its macros.

What comes out is the body's tokens without definitions, comments and user macros. Everything is one
loop over a stack of tokens, forwards only; calls that go in circles, and calls once a budget in
proportion to the input is spent, are left as they stand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from pipeline.sources.latex import definers, frontmatter, primitives
from pipeline.sources.latex.conditions import Conditions
from pipeline.sources.latex.feed import Feed, Scope
from pipeline.sources.latex.frontmatter import Acronyms
from pipeline.sources.latex.macros import FALSE, KEPT, TRUE, Macro, Package
from pipeline.sources.latex.modes import Modes
from pipeline.sources.latex.tokens import environment

DEPTH = 100  # calls within calls, files within files
ROUNDS = 4  # calls of the same macro within each other, other than in arguments: more is a circle
GROWTH = 20  # tokens that macros may make, for each token of the input
SPARE = 200_000  # tokens that macros may make whatever the input's size

_END = "\\end of file"  # no token that a text could hold

# Takes the name of a file as the document writes it; its tokens, or None where there is none.
Files = Callable[[str], Sequence[str] | None]
Packages = Callable[[str], Package | None]


@dataclass
class Document:
    """What the reading found.

    tokens     the body's; `title` and `authors` as the document's commands gave them, expanded
    theorems   of `\\newtheorem`: name → (title, counter it shares, counter it starts again with);
               the counter is `*` where they are not numbered
    within     of `\\numberwithin`: counter → the one it starts again with
    references  tokens of the bibliography that BibTeX made, where asked for
    """

    tokens: list[str] = field(default_factory=list)
    title: list[str] = field(default_factory=list)
    authors: list[list[str]] = field(default_factory=list)
    theorems: dict[str, tuple[list[str], str, str]] = field(default_factory=dict)
    within: dict[str, str] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)


class Expander:
    """Reads one document. `text` gives the tokens of a file to `\\input`, `packages` what a package or
    class defines.

    The commands that it acts on are functions of `definers`, `frontmatter` and `primitives`.
    """

    def __init__(self, text: Files, packages: Packages) -> None:
        self.feed = Feed()
        self.out: list[str] = []
        self.macros: dict[str, Macro] = dict(primitives.MACROS)
        self.environments: dict[str, tuple[Macro, Macro]] = {}
        self.arguments_of: dict[str, Macro] = {}  # environments whose arguments are no text
        self.document = Document()
        self.acronyms = Acronyms()
        self.modes = Modes()
        self.conditions = Conditions(self.feed, self.macros)
        self.watched: list[tuple[int, int]] = []  # groups behind which arguments of \frac follow
        self.text = text
        self.packages = packages
        self._spent = SPARE
        self._body = False
        self._ended = False
        self._open_files: list[Sequence[str]] = []
        self._undo: list[tuple[int, str, Macro | None]] = []

    def run(self, tokens: Sequence[str]) -> Document:
        """Reads the main file to its end."""
        self._open(tokens)
        self._loop()
        self._fragments()
        self.document.tokens = [token for token in self.out if token != _END]
        return self.document

    def _loop(self) -> None:
        feed, out, macros, modes = self.feed, self.out, self.macros, self.modes
        stack, keep = feed.stack, out.append
        quiet = self.conditions.quiet
        while stack and not self._ended:
            token = stack.pop()
            if not isinstance(token, str):
                feed.scope = token
                continue
            first = token[0]
            if first not in "\\{}$" or token.__class__ is not str:
                if modes.formula == "$" and "\n" in token:
                    modes.line(token)
                keep(token)
            elif first == "\\":
                if token in macros:
                    if not self.expand(token, macros[token]):
                        out.append(token)
                elif token in quiet:
                    keep(token)
                elif token in _COMMANDS:
                    _COMMANDS[token](self, token)
                elif token[-1] == "}" and len(token) > 2:
                    self.environment(token)
                elif not self.conditions.handle(token, modes.math):
                    if modes.command(token):
                        quiet.add(token)
                    keep(token)
            else:
                keep(token)
                modes.seen(token)
                if first == "}" and (self._undo or self.watched):
                    self._closed()

    def _fragments(self) -> None:
        """Expands title and authors, with the macros of the whole document."""
        body = self.out
        for fragment in (self.document.title, *self.document.authors):
            self._ended = False
            self._body = True
            self.modes.reset()
            self.out = []
            self.feed.stack.clear()
            self.feed.push(fragment)
            self._loop()
            fragment[:] = [token for token in self.out if token != _END]
        self.out = body

    # Calls.

    def expand(self, name: str, called: Macro) -> bool:
        """Puts what a call stands for in front of the feed; False, the feed as it was, if it is left."""
        feed = self.feed
        scope = feed.scope
        if not called.runs or self._spent <= 0 or self._circles(name, scope):
            return False
        arguments = self.arguments(called) if called.arguments or called.prefix else []
        if arguments is None:
            return False
        if not called.arguments and not called.prefix and not environment(name):
            self._pass_separator(called)
        after = feed.scope  # arguments may have come from behind the macro that this call ended
        inner = Scope(name, scope, scope.depth + 1)
        made: list[str | Scope] = [inner]
        if arguments:
            for piece in called.body:
                if isinstance(piece, int):
                    made += (after, *arguments[piece], inner)
                else:
                    made.append(piece)
        else:
            made += cast(tuple[str, ...], called.body)
        made.append(after)
        self._spent -= len(made)
        feed.push(made)
        return True

    def _pass_separator(self, called: Macro) -> None:
        """Behind a call without arguments: the white space that ended its name, and an empty group.

        A macro that makes a word keeps its distance from the next, though TeX would run them together:
        that is an author's slip, seen in print.
        """
        feed = self.feed
        skipped = not called.space and feed.skip_space()
        if feed.peek() == "{":
            feed.take()
            if feed.peek() == "}":
                feed.take()
                return
            feed.push(["{"])
        elif (called.space or (skipped and called.is_word and not self.modes.math)) and (
            feed.peek()[:1].isalnum() and not called.ends_in_space
        ):
            feed.push([" "])

    def _circles(self, name: str, scope: Scope | None) -> bool:
        if scope is not None and scope.depth >= DEPTH:
            return True
        rounds = 0
        while scope is not None:
            rounds += scope.name == name
            scope = scope.parent
        return rounds >= ROUNDS

    def arguments(self, called: Macro) -> list[list[str]] | None:
        """The arguments of a call; None, with the feed as it was, where they are not there."""
        feed = self.feed
        found: list[list[str]] = []
        taken: list[str] = []
        missing = not feed.matches(called.prefix)
        optional = 0
        for at, kind in enumerate(called.arguments if not missing else ""):
            given: list[str] | None
            if kind == "s":
                star = feed.star()
                taken += ["*"] * star
                found.append([TRUE if star else FALSE])
                optional += 1
                continue
            if kind == "o":
                given = feed.optional()
                taken += () if given is None else ("[", *given, "]")
                found.append(list(called.defaults[optional]) if given is None else given)
                optional += 1
                continue
            delimiter = called.delimiters[at] if kind == "+" else ()
            given = feed.delimited(delimiter) if delimiter else feed.argument()
            if given is None:
                missing = True
                break
            taken += (*given, *delimiter) if delimiter else ("{", *given, "}")
            found.append(given)
        if missing:
            feed.push(taken)
            return None
        self._spent -= sum(map(len, found)) // 8
        return found

    # Groups and environments.

    def _closed(self) -> None:
        """Behind a group: forgets what was defined in it; goes on with the arguments of \\frac."""
        depth = self.modes.depth
        while self._undo and self._undo[-1][0] > depth:
            _, name, old = self._undo.pop()
            if old is None:
                self.macros.pop(name, None)
            else:
                self.macros[name] = old
        while self.watched and self.watched[-1][0] >= depth:
            at, left = self.watched.pop()
            if at == depth:
                primitives.set_apart(self, left)

    def environment(self, token: str) -> None:
        r"""`\begin{name}` or `\end{name}`."""
        name = environment(token)
        begins = token.startswith(r"\begin")
        if name == "document":
            self._of_document(begins)
            return
        defined = self.environments.get(name)
        if (
            defined is not None
            and all(each.runs for each in defined)
            and self.expand(token, defined[0 if begins else 1])
        ):
            return
        if not begins:
            self.modes.leave()
            self._closed()
        else:
            self.modes.enter(name)
            if name in self.arguments_of:
                self.arguments(self.arguments_of[name])
        self.out.append(rf"\{'begin' if begins else 'end'}{{{name}}}")

    def _of_document(self, begins: bool) -> None:
        if len(self._open_files) > 1:
            return  # of a subfile, whose preamble is passed over when it is opened
        if not begins:
            self._ended = True
        elif not self._body:
            self._body = True
            self.out.clear()
            self._undo.clear()
            self.modes.reset()

    def keep(self, name: str, defined: Macro, everywhere: bool = False) -> None:
        """Keeps a definition, to the end of the group unless `everywhere`."""
        if name in KEPT or environment(name):
            return
        if self._body and not everywhere and self.modes.depth:
            self._undo.append((self.modes.depth, name, self.macros.get(name)))
        self.macros[name] = defined

    # Files.

    def _open(self, tokens: Sequence[str]) -> None:
        self._open_files.append(tokens)
        self._spent += GROWTH * len(tokens)
        self.feed.push([_END])
        self.feed.add_input(tokens)

    def read(self, name: str, is_include: bool = False) -> bool:
        """Goes on with a file; False where there is none, or it is being read already."""
        name = name.strip().strip('"')
        tokens = self.text(name) if name and len(self._open_files) <= DEPTH else None
        if tokens is None or any(tokens is each for each in self._open_files):
            return False
        if is_include:
            self.out.append("\n\n")
        self._open(tokens)
        return True

    def end_file(self, token: str) -> None:
        """The end of a file, or its word that the rest is not to be read."""
        while token not in ("", _END):
            token = self.feed.take() or ""
        if self._open_files:
            self._open_files.pop()


_COMMANDS: dict[str, Callable[[Expander, str], None]] = {
    **definers.COMMANDS,
    **frontmatter.COMMANDS,
    **primitives.COMMANDS,
    r"\endinput": Expander.end_file,
    _END: Expander.end_file,
}
