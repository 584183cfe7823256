"""The order in which a repository's files are best read: what is used before what uses it."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from posixpath import normpath

LONGEST = 1 << 19  # characters of a file in which imports are looked for
MOST = 2000  # imports of one file

_README = re.compile(r"readme(?:\.[a-z]+)*", re.IGNORECASE)
# Settings of editors, linters and build servers: dotfiles, whatever is in such folders, and their like.
_SETTINGS = re.compile(
    r"(?:^|.*/)(?:\..*|jenkinsfile|(?:appveyor|azure-pipelines|bitbucket-pipelines|circle|cloudbuild"
    r"|codecov|renovate|wercker)\.(?:ya?ml|json))",
    re.IGNORECASE,
)


class _Files:
    """The paths of a repository, found by their ends: `b/c.py` finds `src/b/c.py`."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = sorted(paths)
        self.known = frozenset(self.paths)
        self.by_name: dict[str, list[str]] = defaultdict(list)
        self.by_folder: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            self.by_name[path.rpartition("/")[2]].append(path)
            self.by_folder[path.rpartition("/")[0]].append(path)

    def beside(self, path: str, relative: str) -> str:
        """`relative` to the folder of `path`, as a path of the repository ("" if above its root)."""
        folder = path.rpartition("/")[0]
        joined = normpath(f"{folder}/{relative}" if folder else relative)
        return "" if joined.startswith("..") else joined.lstrip("/")

    def ending(self, end: str, near: str) -> str:
        """The path that ends so: that closest to `near`, then the shortest, then the first by name."""
        if end in self.known:
            return end
        found = [
            path for path in self.by_name.get(end.rpartition("/")[2], ())[:200] if path.endswith("/" + end)
        ]
        return min(found, key=lambda path: (-_shared(path, near), len(path), path), default="")

    def first(self, candidates: Iterable[str]) -> str:
        return next((path for path in candidates if path in self.known), "")


def _shared(first: str, second: str) -> int:
    """Folders that two paths have in common from the root."""
    count = 0
    for one, other in zip(first.split("/")[:-1], second.split("/")[:-1], strict=False):
        if one != other:
            break
        count += 1
    return count


def order(files: Mapping[str, str]) -> list[str]:
    """All paths of `files` (path -> text), each behind those of its imports that are in `files`.

    README files at the root come first, dotfiles and settings of build servers last. Imports are
    resolved for Python, JavaScript and TypeScript, Java, Kotlin, Scala and Groovy, C, C++, Objective-C
    and CUDA, Go, Rust, Ruby, PHP, Perl, Lua, Shell, Dart, Haskell, Julia, R, Protocol Buffers, LaTeX,
    CSS and its relatives. Cycles are broken, and what does not depend on each other is ordered by
    path: nothing but `files` decides.
    """
    known = _Files(files)
    needs = {path: _needs(path, files[path][:LONGEST], known) for path in known.paths}
    first = sorted(
        (path for path in known.paths if "/" not in path and _README.fullmatch(path)), key=str.lower
    )
    done: dict[str, None] = dict.fromkeys(first)
    for start in sorted(known.paths, key=lambda path: (_SETTINGS.fullmatch(path) is not None, path)):
        _visit(start, needs, done)
    return list(done)


def _visit(start: str, needs: Mapping[str, list[str]], done: dict[str, None]) -> None:
    """Adds `start` behind what it needs, depth first without recursion; an open file ends a cycle."""
    if start in done:
        return
    open_now = {start}
    stack = [(start, iter(needs[start]))]
    while stack:
        path, rest = stack[-1]
        needed = next((one for one in rest if one not in done and one not in open_now), None)
        if needed is None:
            stack.pop()
            done[path] = None
        else:
            open_now.add(needed)
            stack.append((needed, iter(needs[needed])))


def _needs(path: str, text: str, files: _Files) -> list[str]:
    """The files of the repository that `path` imports, by path."""
    resolve = _RESOLVERS.get(path.rpartition(".")[2].lower() if "." in path else "")
    if resolve is None:
        return []
    found: dict[str, None] = {}
    for number, needed in enumerate(resolve(path, text, files)):
        if needed and needed != path:
            found[needed] = None
        if number > MOST:
            break
    return sorted(found)


_PY_IMPORT = re.compile(
    r"^[ \t]*import[ \t]+([\w.]+(?:[ \t]+as[ \t]+\w+)?(?:[ \t]*,[ \t]*[\w.]+(?:[ \t]+as[ \t]+\w+)?)*)",
    re.MULTILINE,
)
_PY_FROM = re.compile(
    r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]*(\([^()]{0,4000}\)|[^\n#]*)", re.MULTILINE
)


def _python(path: str, text: str, files: _Files) -> Iterator[str]:
    for found in _PY_IMPORT.finditer(text):
        for part in found.group(1).split(","):
            yield _python_module(part.split()[0].replace(".", "/"), path, files)
    for found in _PY_FROM.finditer(text):
        dots, module, names = found.groups()
        base = module.replace(".", "/")
        if dots:
            up = "../" * (len(dots) - 1)
            base = files.beside(path, f"{up}{base}" if base else up or ".")
            base = "" if base == "." else base
        for name in re.findall(r"\w+", re.sub(r"\bas[ \t]+\w+|#[^\n]*", "", names))[:100]:
            below = f"{base}/{name}" if base else name
            exact = files.first((f"{below}.py", f"{below}/__init__.py", f"{below}.pyi", f"{below}.pyx"))
            yield exact if dots else exact or (_python_module(below, path, files) if base else "")
        if base:
            yield (
                files.first((f"{base}.py", f"{base}/__init__.py", f"{base}.pyi"))
                if dots
                else _python_module(base, path, files)
            )


def _python_module(module: str, near: str, files: _Files) -> str:
    """A module by its full name. One without dots, which may be the standard library's, must be
    at a root or beside the file that imports it."""
    ends = (f"{module}.py", f"{module}/__init__.py", f"{module}.pyx")
    if "/" in module:
        return next((hit for end in ends if (hit := files.ending(end, near))), "")
    places = ("", "src/", "lib/", "python/")
    roots = files.first(f"{place}{end}" for place in places for end in ends)
    return roots or files.first(files.beside(near, end) for end in ends[:1])


_JS_IMPORT = re.compile(
    r"(?:\bfrom|\bimport|\brequire[ \t]*\(|\bimport[ \t]*\()[ \t]*[\"']([^\"'\n]{1,300})[\"']"
    r"|<script[^>\n]{0,200}\bsrc=[\"']([^\"'\n]{1,300})[\"']"
)
_JS_ENDS = (
    "",
    ".ts",
    ".tsx",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".d.ts",
    ".vue",
    ".svelte",
    ".json",
    "/index.ts",
    "/index.tsx",
    "/index.js",
    "/index.jsx",
    "/index.mjs",
)


def _javascript(path: str, text: str, files: _Files) -> Iterator[str]:
    for found in _JS_IMPORT.finditer(text):
        name = found.group(1) or found.group(2)
        if name.startswith("."):
            base = files.beside(path, name)
        elif name.startswith(("@/", "~/")):
            base = f"src/{name[2:]}"
        elif found.group(2):
            base = files.beside(path, name)
        else:
            continue
        stem = re.sub(r"\.(?:[cm]?js|jsx)$", "", base)  # TypeScript imports what its output is named
        yield files.first(base + end for end in _JS_ENDS) or files.first(stem + end for end in _JS_ENDS[1:])


_JVM_IMPORT = re.compile(
    r"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+?)(?:\.(\*|_|\{[^{}\n]{0,500}\}))?[ \t]*;?[ \t]*"
    r"(?:as[ \t]+\w+)?\r?$",
    re.MULTILINE,
)
_JVM_ENDS = (".java", ".kt", ".scala", ".groovy")


def _jvm(path: str, text: str, files: _Files) -> Iterator[str]:
    for found in _JVM_IMPORT.finditer(text):
        name, more = found.group(1).replace(".", "/"), found.group(2)
        names = [f"{name}/{one}" for one in re.findall(r"\w+", more)] if more and more[0] == "{" else [name]
        for one in names:
            for tried in (one, one.rpartition("/")[0]):  # of a member: its class
                if "/" in tried:
                    yield next((hit for end in _JVM_ENDS if (hit := files.ending(tried + end, path))), "")


_C_INCLUDE = re.compile(r"^[ \t]*#[ \t]*(?:include|import)[ \t]*([\"<])([^\">\n]{1,300})[\">]", re.MULTILINE)


def _c(path: str, text: str, files: _Files) -> Iterator[str]:
    for found in _C_INCLUDE.finditer(text):
        name = found.group(2)
        beside = files.beside(path, name)
        yield beside if beside in files.known else files.ending(normpath(name).lstrip("./"), path)


_GO_IMPORT = re.compile(r"^import[ \t]*(?:\(([^()]{0,20000})\)|[\w.]*[ \t]*\"([^\"\n]+)\")", re.MULTILINE)


def _go(path: str, text: str, files: _Files) -> Iterator[str]:
    """A package is a folder: all its files but tests."""
    for found in _GO_IMPORT.finditer(text):
        for name in [found.group(2)] if found.group(2) else re.findall(r"\"([^\"\n]+)\"", found.group(1)):
            parts = name.split("/")
            for at in range(len(parts)):
                folder = "/".join(parts[at:])
                inside = [
                    one
                    for one in files.by_folder.get(folder, ())
                    if one.endswith(".go") and not one.endswith("_test.go")
                ]
                if inside and folder != path.rpartition("/")[0]:
                    yield from inside
                    break
    if path.endswith("_test.go"):
        yield files.first([path[: -len("_test.go")] + ".go"])


_RUST_USE = re.compile(
    r"^[ \t]*(?:pub(?:\([^()\n]*\))?[ \t]+)?(?:(mod)[ \t]+(\w+)[ \t]*;|use[ \t]+((?:crate|self|super)"
    r"(?:::\w+)+|\w+(?:::\w+)+))",
    re.MULTILINE,
)


def _rust(path: str, text: str, files: _Files) -> Iterator[str]:
    folder, _, name = path.rpartition("/")
    own = folder if name in ("mod.rs", "lib.rs", "main.rs") else path[: -len(".rs")]
    source = re.match(r"(?:.*/)?src(?=/|$)", folder)
    for found in _RUST_USE.finditer(text):
        if found.group(1):
            yield files.first(
                (f"{own}/{found.group(2)}.rs".lstrip("/"), f"{own}/{found.group(2)}/mod.rs".lstrip("/"))
            )
            continue
        root, *parts = found.group(3).split("::")
        base = {
            "crate": source.group() if source else folder,
            "self": own,
            "super": own.rpartition("/")[0],
        }.get(root)
        if base is None:  # another crate of the workspace
            crate = root.replace("_", "-")
            yield next((hit for one in (root, crate) if (hit := files.ending(f"{one}/src/lib.rs", path))), "")
            continue
        for count in range(len(parts), 0, -1):
            stem = "/".join([base, *parts[:count]]).lstrip("/")
            hit = files.first((f"{stem}.rs", f"{stem}/mod.rs"))
            if hit:
                yield hit
                break


def _named(
    pattern: str, forms: tuple[str, ...], dots: str = ""
) -> Callable[[str, str, _Files], Iterator[str]]:
    """A resolver for languages that name a file: first beside the importing one, then by its end.

    forms   what a name may stand for, `{}` for the name
    dots    what stands between the folders of a name, if not /
    """
    compiled = re.compile(pattern, re.MULTILINE)

    def resolve(path: str, text: str, files: _Files) -> Iterator[str]:
        for found in compiled.finditer(text):
            name = next(group for group in found.groups() if group is not None).strip()
            if dots:
                name = name.replace(dots, "/")
            names = [form.replace("{}", name) for form in forms] if "{}" not in name else []
            beside = files.first(files.beside(path, one) for one in names)
            ends = (normpath(one).lstrip("./") for one in names)
            yield beside or next((hit for one in ends if (hit := files.ending(one, path))), "")

    return resolve


_ruby = _named(
    r"^[ \t]*(?:require|require_relative|load|autoload[ \t]+:\w+,)[ \t(]*[\"']([^\"'\n]{1,300})[\"']",
    ("{}", "{}.rb"),
)
_php = _named(
    r"\b(?:require|include)(?:_once)?[ \t(]*(?:__DIR__[ \t]*\.[ \t]*)?[\"']/?([^\"'\n]{1,300})[\"']"
    r"|^use[ \t]+([\w\\]+)",
    ("{}", "{}.php"),
    "\\",
)
_lua = _named(r"\brequire[ \t(]*[\"']([\w./-]{1,300})[\"']", ("{}.lua", "{}/init.lua"), ".")
_perl = _named(r"^[ \t]*(?:use|require)[ \t]+([A-Z]\w*(?:::\w+)*)", ("{}.pm",), "::")
_shell = _named(r"^[ \t]*(?:source|\.)[ \t]+[\"']?(?:\$[\w{}()]+/|\"\$[^\n/]*/)?([\w./-]+)", ("{}", "{}.sh"))
_dart = _named(
    r"^[ \t]*(?:import|export|part)[ \t]+[\"'](?:package:\w+/)?([^\"':\n]{1,300})[\"']", ("{}", "lib/{}")
)
_proto = _named(r"^[ \t]*import[ \t]+(?:public[ \t]+|weak[ \t]+)?\"([^\"\n]{1,300})\"", ("{}",))
_tex = _named(
    r"\\(?:input|include|subfile|usepackage(?:\[[^\]\n]*\])?|documentclass(?:\[[^\]\n]*\])?)[ \t]*\{"
    r"([^{}\n,]{1,300})\}",
    ("{}", "{}.tex", "{}.sty", "{}.cls"),
)
_css = _named(
    r"@(?:import|use|forward)[ \t]+(?:url\()?[\"']([^\"'\n]{1,300})[\"']",
    ("{}", "{}.scss", "{}.sass", "{}.less", "{}.css"),
)
_haskell = _named(r"^import[ \t]+(?:qualified[ \t]+)?([A-Z][\w.]*)", ("{}.hs",), ".")
_julia = _named(r"\binclude\([ \t]*\"([^\"\n]{1,300})\"", ("{}",))
_r = _named(r"\bsource\([ \t]*[\"']([^\"'\n]{1,300})[\"']", ("{}",))

_RESOLVERS: dict[str, Callable[[str, str, _Files], Iterator[str]]] = {
    **dict.fromkeys(("py", "pyi", "pyx", "pyw"), _python),
    **dict.fromkeys(
        ("js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte", "html"), _javascript
    ),
    **dict.fromkeys(("java", "kt", "kts", "scala", "groovy"), _jvm),
    **dict.fromkeys(
        ("c", "h", "cc", "cpp", "cxx", "hpp", "hh", "hxx", "inl", "m", "mm", "cu", "cuh", "ino", "idl"), _c
    ),
    **dict.fromkeys(("sh", "bash", "zsh"), _shell),
    **dict.fromkeys(("css", "scss", "sass", "less"), _css),
    **dict.fromkeys(("pl", "pm", "t"), _perl),
    **dict.fromkeys(("tex", "sty", "cls", "ltx"), _tex),
    "go": _go,
    "rs": _rust,
    "rb": _ruby,
    "php": _php,
    "lua": _lua,
    "dart": _dart,
    "proto": _proto,
    "hs": _haskell,
    "jl": _julia,
    "r": _r,
}
