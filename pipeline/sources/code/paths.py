"""What a file's place in its repository says: somebody else's code, tests, documentation, output."""

import re

_VENDORED = re.compile(
    r"(?:^|/)(?:"
    # folders that package managers fill, and those that people copy others' code into
    r"node_modules|bower_components|jspm_packages|web_modules|vendors?|_vendor(?:ed)?|third[_-]?part(?:y|ies)"
    r"|3rd[_-]?part(?:y|ies)|externals?|extern|thirdparty|site-packages|dist-packages|\.?venv|virtualenv"
    r"|godeps"
    r"|pods|carthage|\.yarn|\.pnp|\.bundle|gradle/wrapper|\.mvn/wrapper|bundled|inst/www|wwwroot/lib"
    r")/"
    r"|^(?:deps|subprojects/packagecache)/"
    # files that are the same everywhere
    r"|(?:^|/)(?:gradlew(?:\.bat)?|mvnw(?:\.cmd)?|config\.(?:guess|sub)|install-sh|ltmain\.sh|depcomp"
    r"|missing|compile"
    r"|mkinstalldirs|py-compile|test-driver|ylwrap|libtool\.m4|lt(?:options|sugar|version|~obsolete)\.m4"
    r"|ez_setup\.py"
    r"|versioneer\.py|waf|bootstrap-buildout\.py|\.pnp\.c?js|cpplint\.py|texinfo\.tex|erlang\.mk)$"
    r"|(?:^|/)(?:jquery(?:[.-](?:ui|mobile|slim|\d[\w.]*))*|bootstrap(?:[.-](?:bundle|grid|reboot|theme"
    r"|\d[\w.]*))*"
    r"|angular(?:-[\w.]+)?|modernizr(?:-[\d.]+)?|normalize|underscore|backbone|lodash|mootools|ember|knockout"
    r"|react-dom(?:\.(?:development|production))?|vue\.global|d3(?:\.v\d)?|moment|handlebars|mustache"
    r"|highlight\.pack|font-?awesome|html5shiv|raphael|codemirror|tinymce|ckeditor|dojo|yui"
    r"|select2|datatables|leaflet|mathjax|shcore|swfobject|zepto|socket\.io"
    r")(?:[.-](?:min|slim|pack|full|all))*\.(?:js|css|scss|less)$",
    re.IGNORECASE,
)

_TEST = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__|__mocks__|__snapshots__|test[-_]?(?:data|suite|files|cases"
    r"|resources|utils)"
    r"|fixtures?|unit[-_]?tests?|integration[-_]?tests?|e2e|cypress|\w+[._-]tests?)/"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_tests?|[^/]*_spec|conftest|tests?|unittests?)\.[a-z0-9+]+$"
    r"|\.(?:test|tests|spec|e2e|stories|snap)(?:\.[a-z]+)*$",
    re.IGNORECASE,
)
# FooTest.java, FooTests.cs, TestFoo.java: there the capital decides.
_TEST_CLASS = re.compile(
    r"(?:^|/)(?:\w*[a-z0-9](?:Tests?|TestCase|Spec|IT)|Test[A-Z]\w*)\.(?:java|kt|cs|scala|groovy|php|swift"
    r"|vb|fs)$"
)

_CODE = (
    r"pyi?|pyx|[cm]?jsx?|[cm]?tsx?|rb|go|rs|java|kt|php|cs|[ch](?:pp|xx|c|h)?|cc|sh|lua|pl|pm|r|swift"
    r"|scala|sql|vue|css|json|ya?ml"
)
_DOCUMENTATION = re.compile(
    r"(?:^|/)(?:docs?|documentation|javadoc|man|manuals?|wiki|\.github/(?:issue|pull_request)_template)/"
    r"|(?:^|/)(?:readme|changelog|changes|history|news|contributing|contributors|authors|install(?:ing)?"
    r"|copying|licen[sc]e"
    r"|copyright|notice|code_of_conduct|security|maintainers|credits|thanks|todo|upgrad(?:e|ing)"
    r"|release[-_]?notes|faq"
    r"|roadmap|support|governance|acknowledge?ments|hacking)(?:[-_.](?![^/]*\.(?:$CODE)$)(?!"
    r"(?:$CODE)$)[^/]*)?$".replace("$CODE", _CODE),
    re.IGNORECASE,
)

_GENERATED = re.compile(
    # lock files
    r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.ya?ml|bun\.lockb?|deno\.lock"
    r"|composer\.lock"
    r"|gemfile\.lock|poetry\.lock|pdm\.lock|uv\.lock|pixi\.lock|pipfile\.lock|conda-lock\.ya?ml|cargo\.lock"
    r"|go\.sum"
    r"|gopkg\.lock|glide\.lock|mix\.lock|rebar\.lock|pubspec\.lock|podfile\.lock|package\.resolved"
    r"|cartfile\.resolved"
    r"|flake\.lock|packages\.lock\.json|\.terraform\.lock\.hcl|cabal\.project\.freeze|stack\.ya?ml\.lock"
    r"|module\.bazel\.lock"
    r"|gradle\.lockfile|manifest\.toml|paket\.lock|elm-stuff/.*|chart\.lock"
    # what build tools and packagers write
    r"|configure|aclocal\.m4|config\.h\.in|makefile\.in|pkg-info|.+\.(?:egg|dist)-info/(?:record|metadata"
    r"|wheel|sources\.txt|top_level\.txt|requires\.txt|dependency_links\.txt)|lex\.yy\.[ch]\w*"
    r"|y\.tab\.[ch]\w*|parser\.out|cmakecache\.txt|cmakelists\.txt\.user|compile_commands\.json"
    # project files that an IDE keeps
    r"|\.idea/.*|\.vs/.*|[^/]+\.(?:iml|ipr|iws|sln|vcxproj(?:\.filters|\.user)?|vcproj|csproj\.user|pbxproj"
    r"|xcscheme"
    r"|xcworkspacedata|xcsettings|nib|xib|storyboard|suo|designer\.(?:cs|vb)|resx)|\.project|\.classpath"
    r"|\.cproject"
    # compilers of schemas, grammars and the like
    r"|[^/]+\.pb\.(?:go|cc|c|h|rb|swift|dart|gw\.go)|[^/]+_pb2(?:_grpc)?\.pyi?|[^/]+_pb\.(?:[jt]s|rb|d\.ts)"
    r"|[^/]+\.pb(?:json|enum|server)?\.dart"
    r"|[^/]+\.g(?:en|enerated)?\.(?:cs|dart|go|[jt]sx?|py|rs|java|kt|swift|cpp|h)|[^/]+\.freezed\.dart"
    r"|zz_generated[^/]*|[^/]+_generated\.\w+|[^/]+\.tab\.[ch]\w*|moc_[^/]+\.cpp|ui_[^/]+\.h|qrc_[^/]+\.cpp"
    r"|[^/]+_string\.go"
    r"|bindata\.go|__generated__/.*|generated/.*"
    # snapshots, source maps, build output
    r"|[^/]+\.(?:[cm]?js|css)\.map|[^/]+\.snap|[^/]+\.cassette|cassettes/.*\.ya?ml|dist/.*|\.next/.*"
    r"|__pycache__/.*|target/(?:debug|release|classes)/.*"
    r"|_site/.*|htmlcov/.*|coverage/lcov.*)$",
    re.IGNORECASE,
)
_MINIFIED = re.compile(r"[.-](?:min|prod|production\.min)\.(?:[cm]?js|css|html|json|svg)$", re.IGNORECASE)

# Contents that are no text, whatever their first bytes say; a name alone is not trusted for others.
_BINARY_NAMES = """
    png jpg jpeg gif bmp ico icns tif tiff webp avif psd xcf pdf zip gz tgz bz2 xz zst lz4 7z rar jar war ear
    class pyc pyo so dylib dll exe o a pdb wasm whl egg deb rpm dmg iso apk ipa ttf otf woff woff2 eot mp3 mp4
    m4a ogg oga ogv wav flac avi mov mkv webm doc docx xls xlsx ppt pptx odt ods odp npy npz pkl h5 hdf5
    parquet feather arrow onnx pt pth ckpt safetensors tflite sqlite sqlite3 swf keystore jks p12 der
"""
_BINARY = frozenset(_BINARY_NAMES.split())


def is_vendored(path: str) -> bool:
    return _VENDORED.search(path) is not None


def is_test(path: str) -> bool:
    return _TEST.search(path) is not None or _TEST_CLASS.search(path) is not None


def is_documentation(path: str) -> bool:
    return _DOCUMENTATION.search(path) is not None


def is_generated(path: str) -> bool:
    """Lock files, output of schema compilers, project files of IDEs, source maps, build folders."""
    return _GENERATED.search(path) is not None


def is_minified(path: str) -> bool:
    return _MINIFIED.search(path) is not None


def is_binary(path: str) -> bool:
    """By the extension: a format that is never text."""
    _, dot, extension = path.rpartition(".")
    return bool(dot) and extension.lower() in _BINARY
