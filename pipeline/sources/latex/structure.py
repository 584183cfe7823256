"""Which brace closes which, and where each environment ends: told in one pass over a document's tokens."""

from collections.abc import Sequence

from pipeline.sources.latex.tokens import environment, is_space, paragraph_in

_OPTION = 400  # tokens that an optional argument may have


class Structure:
    r"""The matching ends of `tokens`.

    close   for each `{`, where its `}` is; -1 where it has none
    end     for each `\begin{…}`, where its `\end{…}` is; -1 where it has none
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self.close = [-1] * len(tokens)
        self.end = [-1] * len(tokens)
        braces: list[int] = []
        opened: list[tuple[str, int]] = []
        count: dict[str, int] = {}
        for at, token in enumerate(tokens):
            if token[-1] not in "{}":
                continue
            if token == "{":
                braces.append(at)
            elif token == "}":
                if braces:
                    self.close[braces.pop()] = at
            elif token[0] == "\\" and len(token) > 5 and (name := environment(token)):
                if token[1] == "b":
                    opened.append((name, at))
                    count[name] = count.get(name, 0) + 1
                elif count.get(name):
                    while True:
                        other, begin = opened.pop()
                        count[other] -= 1
                        if other == name:
                            self.end[begin] = at
                            break

    def behind_arguments(self, at: int, kinds: str) -> int:
        """Where the tokens go on behind arguments of these kinds, which are passed over as far as they are
        there: `m` a group or one token, `g` a group that stands right here, `o` an optional one, any
        number of them, `*` a star."""
        tokens = self._tokens
        for kind in kinds:
            after = self.behind_space(at)
            token = tokens[after] if after < len(tokens) else ""
            if kind == "*":
                if token == "*":
                    at = after + 1
            elif kind == "o":
                while token == "[":
                    end = self.bracket(after)
                    if end < 0:
                        break
                    at = end + 1
                    after = self.behind_space(at)
                    token = tokens[after] if after < len(tokens) else ""
            elif token == "{" and self.close[after] >= 0 and (kind == "m" or after == at):
                at = self.close[after] + 1
            elif kind == "m" and token[:1] == "\\" and not environment(token):
                at = after + 1
        return at

    def behind_space(self, at: int) -> int:
        """Passes over white space that holds no empty line."""
        tokens = self._tokens
        if at < len(tokens) and is_space(tokens[at]) and not paragraph_in(tokens[at]):
            return at + 1
        return at

    def bracket(self, at: int) -> int:
        """Where the `]` for the `[` at `at` is, outside braces; -1 where there is none near."""
        tokens = self._tokens
        limit = min(len(tokens), at + _OPTION)
        here = at + 1
        depth = 0
        while here < limit:
            token = tokens[here]
            if token == "]":
                if depth == 0:
                    return here
                depth -= 1
            elif token == "[":
                depth += 1
            elif token == "}":
                return -1
            elif token == "{":
                if self.close[here] < 0:
                    return -1
                here = self.close[here]
            here += 1
        return -1
